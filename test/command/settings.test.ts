import { expect, test } from 'vitest';
import { parseStoreInputs } from '../../src/action/inputs/inputs.ts';
import { BadInputError } from '../../src/action/inputs/read-input.ts';
import { CommandError } from '../../src/command/command-error.ts';
import { sentenceOf } from '../../src/command/failure.ts';
import { openSettings, settingsEnvironment } from '../../src/command/settings.ts';
import { StoreRefusedError } from '../../src/storage/store-errors.ts';
import { silentLog } from '../support/silent-log.ts';

test('an option precedes CACHE_S3_*, and inputs of a step around the command have no effect', () => {
  const env = { CACHE_S3_BUCKET: 'of-runner', CACHE_S3_CA_FILE: '/runner.pem', INPUT_REGION: 'step' };
  const settings = settingsEnvironment(env, { bucket: 'option', caFile: '/option.pem', json: true });
  expect(parseStoreInputs(settings)).toMatchObject({
    bucket: 'option',
    caFile: '/option.pem',
    region: '',
    prefix: 'cache-s3',
  });
  expect(parseStoreInputs(settingsEnvironment(env, {}))).toMatchObject({
    bucket: 'of-runner',
    caFile: '/runner.pem',
  });
});

test('--insecure without a value is http', () => {
  expect(parseStoreInputs(settingsEnvironment({}, { insecure: true })).insecure).toBe(true);
});

test('settings without a bucket name the options, because GitHub’s cache is no store of the command', async () => {
  const failure = await openSettings({}, silentLog).catch(error => error);
  expect(failure).toBeInstanceOf(CommandError);
  expect(sentenceOf(failure)).toContain('--bucket or CACHE_S3_BUCKET');
});

test('an error is one sentence that names the option or variable in place of the action’s input', () => {
  expect(sentenceOf(new BadInputError('port', "is 'x', but it must be a number."))).toBe(
    "--port (CACHE_S3_PORT) is 'x', but it must be a number.",
  );
  expect(sentenceOf(new BadInputError('endpoint', "contradicts input 'insecure'."))).toBe(
    '--endpoint (CACHE_S3_ENDPOINT) contradicts --insecure (CACHE_S3_INSECURE).',
  );
  const denied = new StoreRefusedError('bucket b: denied', "the input 'secretKey'");
  expect(sentenceOf(denied)).toBe('Check CACHE_S3_SECRET_KEY (or AWS_SECRET_ACCESS_KEY): bucket b: denied.');
  expect(sentenceOf(new StoreRefusedError('denied', "the runner's clock"))).toBe(
    "Check the runner's clock: denied.",
  );
  expect(sentenceOf(new Error('x failed'))).toBe('X failed.');
  expect(sentenceOf('')).toBe('An error without a message.');
});
