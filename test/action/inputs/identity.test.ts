import { describe, expect, test } from 'vitest';
import { parseIdentity } from '../../../src/action/inputs/identity.ts';
import { badInputSentence } from '../../../src/action/inputs/input-names.ts';
import { BadInputError } from '../../../src/action/inputs/read-input.ts';
import { inputVariables } from '../../support/runner/process/step-variables.ts';

const ARN = 'arn:aws:iam:::role/ci';
const OTHER = 'arn:aws:iam:::role/other';

type Values = Readonly<Record<string, string>>;

/** The inputs that are not empty. */
function parse(inputs: Values, variables: Values = {}) {
  const identity = parseIdentity({ ...inputVariables(inputs), ...variables });
  return Object.fromEntries(
    Object.entries(identity).filter(([name, value]) => value !== '' && name !== 'audience'),
  );
}

/** The sentence about the first bad input. */
function problem(inputs: Values, variables: Values = {}): string {
  const env = { ...inputVariables(inputs), ...variables };
  try {
    parseIdentity(env);
  } catch (error) {
    if (error instanceof BadInputError) return badInputSentence(error, env);
  }
  return 'no problem';
}

describe('keys and a role', () => {
  test.each<[string, Values, Values, Values]>([
    ['a role of the step', { 'role-to-assume': ARN }, {}, { roleToAssume: ARN }],
    ['a role of a variable', {}, { CACHE_S3_ROLE_TO_ASSUME: ARN }, { roleToAssume: ARN }],
    [
      'a role of the step is used before keys of variables',
      { 'role-to-assume': ARN },
      { CACHE_S3_ACCESS_KEY: 'a', CACHE_S3_SECRET_KEY: 's', CACHE_S3_SESSION_TOKEN: 't' },
      { roleToAssume: ARN },
    ],
    [
      'keys of the step are used before roles of variables',
      { accessKey: 'a', secretKey: 's' },
      { CACHE_S3_ROLE_TO_ASSUME: ARN, CACHE_S3_ROLE_TO_ASSUME_FOR_SAVE: OTHER },
      { accessKey: 'a', secretKey: 's' },
    ],
    [
      'half a pair of keys of the step is used before a role of a variable',
      { accessKey: 'a' },
      { CACHE_S3_ROLE_TO_ASSUME: ARN },
      { accessKey: 'a' },
    ],
    [
      'the role of a save may be that of a variable',
      { 'role-to-assume': ARN },
      { CACHE_S3_ROLE_TO_ASSUME_FOR_SAVE: OTHER },
      { roleToAssume: ARN, roleToAssumeForSave: OTHER },
    ],
    [
      'keys of the runner’s own are no keys of the step',
      { 'role-to-assume': ARN },
      { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 's' },
      { roleToAssume: ARN },
    ],
  ])('%s', (_, inputs, variables, expected) => {
    expect(parse(inputs, variables)).toEqual(expected);
  });

  test.each<[Values, Values, string]>([
    [
      { 'role-to-assume': ARN, accessKey: 'a', secretKey: 's' },
      {},
      "Input 'role-to-assume' is set together with the input 'accessKey': remove one of them.",
    ],
    [
      { 'role-to-assume-for-save': ARN, secretKey: 's' },
      { CACHE_S3_ACCESS_KEY: 'a' },
      "Input 'role-to-assume-for-save' is set together with the input 'secretKey': remove one of them.",
    ],
    [
      {},
      { CACHE_S3_ROLE_TO_ASSUME: ARN, CACHE_S3_ACCESSKEY: 'a' },
      "Input 'role-to-assume' (CACHE_S3_ROLE_TO_ASSUME) is set together with the input 'accessKey' (CACHE_S3_ACCESSKEY): remove one of them.",
    ],
  ])('keys and a role of one level are an error that names both (%j, %j)', (inputs, variables, sentence) => {
    expect(problem(inputs, variables)).toBe(sentence);
  });
});

test.each([
  'arn:aws:iam:::role/ci-main',
  'arn:aws:iam::tenant:role/path/ci-main',
  'arn:aws:iam::RGW33567154695143645:role/ci',
  'arn:aws-us-gov:iam::123456789012:role/a_b+c=d,e.f@g',
  'arn:minio:iam:::role/nOYLfJEUdj2MRN5ygECIWiKLEhM',
])('%s is the ARN of a role', arn => {
  expect(parse({ 'role-to-assume': arn })).toEqual({ roleToAssume: arn });
});

test.each([
  'ci-main',
  'arn:aws:iam:::user/ci',
  'arn:aws:iam:::role/',
  'arn:aws:iam:::role/a b',
  'arn:aws:iam:::role/a\nb',
  'arn:aws:iam:::role/a&Action=x',
  'arn:aws:iam:::role/ü',
  `arn:aws:iam:::role/${'a'.repeat(2048)}`,
])('%s is no ARN of a role', arn => {
  const shown = arn.length > 200 ? `${arn.slice(0, 200)}...` : arn;
  expect(problem({ 'role-to-assume-for-save': arn })).toBe(
    `Input 'role-to-assume-for-save' is '${shown}', but it must be the ARN of a role, such as arn:aws:iam:::role/ci-read.`,
  );
});

test('the audience is that of configure-aws-credentials, or one of printable characters', () => {
  expect(parseIdentity({}).audience).toBe('sts.amazonaws.com');
  expect(parseIdentity(inputVariables({ audience: 'https://rgw.example' })).audience).toBe(
    'https://rgw.example',
  );
  for (const audience of ['a b', 'ü', 'a\u0007', 'a'.repeat(256)]) {
    expect(problem({ audience })).toMatch(/^Input 'audience' is '.*', but it must be at most 255 printable/);
  }
});
