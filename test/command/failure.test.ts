import { expect, test } from 'vitest';
import { BadInputError } from '../../src/action/inputs/read-input.ts';
import { sentenceOf, settingName } from '../../src/command/failure.ts';
import { StoreRefusedError, StoreUnavailableError } from '../../src/storage/store-errors.ts';

test.each([
  ['bucket', '--bucket (CACHE_S3_BUCKET)'],
  ['ca-file', '--ca-file (CACHE_S3_CA_FILE)'],
  ['region', '--region (CACHE_S3_REGION or AWS_REGION)'],
  ['secretKey', 'CACHE_S3_SECRET_KEY (or AWS_SECRET_ACCESS_KEY)'],
  ['role-to-assume', 'CACHE_S3_ROLE_TO_ASSUME'],
])('the setting of input %s is named %s', (input, name) => {
  expect(settingName(input)).toBe(name);
});

test.each<[string, unknown, string]>([
  [
    'a bad setting',
    new BadInputError('port', "is 'x', but it must be a number."),
    "--port (CACHE_S3_PORT) is 'x', but it must be a number.",
  ],
  [
    'a refusal',
    new StoreRefusedError('there is no such bucket', { input: 'bucket' }),
    'Check --bucket (CACHE_S3_BUCKET): there is no such bucket.',
  ],
  [
    'a refusal because of the scheme',
    new StoreRefusedError('the server does not use TLS', { input: 'insecure' }),
    'Check --endpoint (CACHE_S3_ENDPOINT) or --insecure (CACHE_S3_INSECURE): the server does not use TLS.',
  ],
  [
    'a contradiction of two settings',
    new BadInputError('endpoint', name => `contradicts ${name('insecure')}.`),
    '--endpoint (CACHE_S3_ENDPOINT) contradicts --insecure (CACHE_S3_INSECURE).',
  ],
  [
    'a refusal of credentials',
    new StoreRefusedError('bucket b: denied', { input: 'secretKey' }),
    'Check CACHE_S3_SECRET_KEY (or AWS_SECRET_ACCESS_KEY): bucket b: denied.',
  ],
  [
    'a refusal that has its cause in no setting',
    new StoreRefusedError('denied', "the runner's clock"),
    "Check the runner's clock: denied.",
  ],
  ['an outage', new StoreUnavailableError('bucket x: connection refused'), 'Bucket x: connection refused.'],
  ['an error without a message', new Error(''), 'An error without a message.'],
  ['a value that is no error', 'failed!', 'Failed!'],
  ['an empty value', '', 'An error without a message.'],
])('%s becomes one sentence with the settings of the command', (_, error, sentence) => {
  expect(sentenceOf(error)).toBe(sentence);
});
