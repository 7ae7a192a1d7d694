import { expect, test } from 'vitest';
import { CommandError } from '../../../src/command/command-error.ts';
import { createOutput } from '../../../src/command/output/output.ts';
import { type PolicyArguments, printPolicy } from '../../../src/command/policy/policy.ts';
import { memoryStreams } from '../support.ts';
import { AWS, ENV, GIVEN, optionsOf } from './given-options.ts';

test.each<[Partial<PolicyArguments>, string]>([
  [{ repository: "o/r'; rm -rf /" }, '--repository'],
  [{ repository: 'o/*' }, '--repository'],
  [{ repositoryId: '*' }, '--repository-id'],
  [{ defaultBranch: '*' }, '--default-branch'],
  [{ defaultBranch: "a'b" }, '--default-branch'],
  [{ defaultBranch: 'refs/heads/main' }, '--default-branch'],
  [{ defaultBranch: '/main' }, '--default-branch'],
  [{ defaultBranch: 'main/' }, '--default-branch'],
  [{ defaultBranch: 'a$(b)' }, '--default-branch'],
  [{ issuer: 'https://issuer/"' }, '--issuer'],
  [{ audience: 'a b' }, '--audience'],
  [{ rolePrefix: 'a b' }, '--role-prefix'],
  [{ account: 'a/b' }, '--account'],
  [{ server: 'aws' }, '--account'],
  [{ thumbprint: ['x'] }, '--thumbprint'],
  [{ ownerId: 'x' }, '--owner-id'],
  [{ ...AWS, environment: '*' }, '--environment'],
  [{ environment: 'prod' }, '--environment'],
])('policy refuses %j by the name of the option', (given, option) => {
  expect(() => optionsOf(given)).toThrow(CommandError);
  expect(() => optionsOf(given)).toThrow(new RegExp(`^${option} is `));
});

test('policy requires a bucket and an endpoint', () => {
  expect(() => optionsOf({}, { CACHE_S3_ENDPOINT: 'https://x' })).toThrow(
    'No bucket is set: use --bucket or CACHE_S3_BUCKET.',
  );
  expect(() => optionsOf({}, { CACHE_S3_BUCKET: 'x' })).toThrow('--endpoint is not set, but');
});

test('policy names the account of AWS as not set', () => {
  expect(() => optionsOf({ server: 'aws' })).toThrow(
    '--account is not set, but it must be the 12 digits of an AWS account.',
  );
});

test('policy --json prints one JSON document', async () => {
  const streams = memoryStreams();
  await printPolicy(ENV, createOutput({ json: true, ...streams }), GIVEN);
  expect(JSON.parse(streams.out())).toMatchObject({
    server: 'rgw',
    roles: [{ kind: 'read' }, { kind: 'main' }],
  });
});
