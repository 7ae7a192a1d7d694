import { expect, test } from 'vitest';
import { parseStoreInputs } from '../../src/action/inputs/inputs.ts';
import { CommandError } from '../../src/command/command-error.ts';
import { sentenceOf } from '../../src/command/failure.ts';
import { openSettings, settingsEnvironment } from '../../src/command/settings.ts';
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
