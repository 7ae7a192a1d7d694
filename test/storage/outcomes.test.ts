import { expect, test } from 'vitest';
import { bucketWasDown, describeUnserved, outcomeOfError } from '../../src/storage/outcomes.ts';
import {
  NameTooLongError,
  PolicyRefusedError,
  RoleError,
  StoreRefusedError,
  StoreUnavailableError,
} from '../../src/storage/store-errors.ts';

const unavailable = new StoreUnavailableError('connection reset');
const refused = new StoreRefusedError('there is no such bucket', { input: 'bucket' });
const tooLong = new NameTooLongError('it has 1100 bytes');

test.each([
  [unavailable, { kind: 'unavailable', source: 's3', error: unavailable }],
  [refused, { kind: 'refused', source: 's3', error: refused }],
  [tooLong, { kind: 'refused', source: 's3', error: tooLong }],
])('%s becomes an outcome with its cause', (error, outcome) => {
  expect(outcomeOfError(error, 's3', undefined)).toEqual(outcome);
});

test('every other error becomes a failure', () => {
  const bug = new TypeError('x is not a function');
  expect(outcomeOfError(bug, 's3', new AbortController().signal)).toEqual({ kind: 'failed', error: bug });
  expect(outcomeOfError('text', 's3', undefined)).toEqual({ kind: 'failed', error: new Error('text') });
});

test('after an abort every error becomes a cancellation', () => {
  expect(outcomeOfError(unavailable, 's3', AbortSignal.abort())).toEqual({ kind: 'cancelled' });
});

test('the bucket was down when it was unavailable, itself or before GitHub’s cache was used', () => {
  const ofBucket = { kind: 'unavailable', source: 's3', error: unavailable } as const;
  const ofGitHub = { kind: 'unavailable', source: 'github', error: unavailable } as const;
  const miss = { kind: 'miss', diagnosis: undefined } as const;
  expect(bucketWasDown(ofBucket)).toBe(true);
  expect(bucketWasDown({ ...miss, insteadOf: ofBucket })).toBe(true);
  expect(bucketWasDown({ ...ofGitHub, insteadOf: ofBucket })).toBe(true);
  expect(bucketWasDown(ofGitHub)).toBe(false);
  expect(bucketWasDown(miss)).toBe(false);
  expect(bucketWasDown({ ...miss, insteadOf: { kind: 'refused', source: 's3', error: refused } })).toBe(
    false,
  );
});

test.each([
  [unavailable, 's3', 'The bucket is unavailable: connection reset'],
  [unavailable, 'directory', 'The cache directory is unavailable: connection reset'],
  [unavailable, 'github', 'connection reset'],
  [refused, 's3', "The bucket cannot be used, check the input 'bucket': there is no such bucket"],
  [new StoreRefusedError('quota', []), 's3', 'The bucket cannot be used: quota'],
  [new RoleError('no STS', []), 's3', 'The bucket cannot be used: no STS'],
  [
    new RoleError('no STS', { input: 'sts-endpoint' }),
    's3',
    "The bucket cannot be used, check the input 'sts-endpoint': no STS",
  ],
  [
    new PolicyRefusedError('no role', { input: 'role-to-assume' }),
    's3',
    "The bucket cannot be used, check the input 'role-to-assume': no role",
  ],
  [tooLong, 's3', 'The bucket cannot store this key: it has 1100 bytes'],
] as const)('%s of %s is described by one clause', (error, source, clause) => {
  const kind = error instanceof StoreUnavailableError ? 'unavailable' : 'refused';
  expect(describeUnserved({ kind, source, error } as never, input => `the input '${input}'`)).toBe(clause);
});
