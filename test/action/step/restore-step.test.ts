import { describe, expect, test } from 'vitest';
import type { LookupRequest } from '../../../src/storage/backend.ts';
import { hit, missed, runRestore } from './support.ts';

describe('a restore, before its first request,', () => {
  test('logs one line for a denied read and makes no request', async () => {
    const { lines, backend, outputs, state } = await runRestore({}, {}, { ACTIONS_CACHE_MODE: 'write-only' });
    expect(backend.opened).toEqual([]);
    expect(lines).toEqual([
      'info: Cache not restored: ACTIONS_CACHE_MODE is write-only.',
      'info: Cache not found for input keys: npm-1',
      'info: cache-s3: op=restore source=none result=denied ms=N requests=0 retries=0',
    ]);
    expect(outputs).toEqual({ 'cache-primary-key': 'npm-1', 'cache-source': 'none' });
    // The tree on the disk is whole, so the post phase may save it
    expect(state).toMatchObject({ finished: true, source: 'none' });
  });

  test('names the inputs that have no effect without a bucket', async () => {
    const { lines, backend } = await runRestore({ restore: missed }, { bucket: '' });
    expect(lines[0]).toBe(
      "warning: Input 'bucket' is empty, so GitHub's cache is used and 'endpoint' has no effect: set 'bucket' to use a bucket.",
    );
    expect(backend.opened[0]?.target.kind).toBe('github');
  });

  test('requests the key of every ref that may be read, the own ref first', async () => {
    const more = { GITHUB_REF: 'refs/heads/topic', GITHUB_EVENT_NAME: 'schedule' };
    const { backend } = await runRestore({ restore: missed }, { 'restore-keys': 'npm-\nany-' }, more);
    const request = backend.calls[0]?.request as LookupRequest;
    expect(request).toMatchObject({ primaryKey: 'npm-1', restoreKeys: ['npm-', 'any-'] });
    expect(request.places.map(({ label }) => label)).toEqual(['refs/heads/topic']);
  });

  test('passes on use-fallback and the number of the run', async () => {
    const { backend } = await runRestore({ restore: missed }, { 'use-fallback': 'false' });
    expect(backend.opened[0]?.options).toMatchObject({ useFallback: false, bucketWasDown: false });
    expect(backend.calls[0]?.request).toMatchObject({ runLabel: expect.stringMatching(/^42-[0-9a-f]{8}$/) });
  });

  test('writes the matched key to the job summary', async () => {
    const { summaries } = await runRestore({ restore: async () => hit }, { summary: 'true', key: 'npm-1' });
    expect(summaries[0]).toContainEqual(['Matched key', 'npm-1']);
  });

  test('keeps secrets out of lines, state and outputs', async () => {
    const { lines, state, outputs } = await runRestore(
      { restore: async () => hit },
      { accessKey: 'AKIDSECRET', secretKey: 'hunter2', sessionToken: 'tok3n' },
    );
    expect(JSON.stringify([lines, state, outputs])).not.toMatch(/AKIDSECRET|hunter2|tok3n/);
  });

  test('fails for bad inputs without a request, outputs or state', async () => {
    const { lines, failed, state, backend, outputs } = await runRestore({}, { 'retry-count': 'three' });
    expect(lines).toEqual([
      "error: Input 'retry-count' is 'three', but it must be a whole number from 0 to 99.",
    ]);
    expect(failed).toBe(true);
    expect(state).toBeUndefined();
    expect(outputs).toEqual({});
    expect(backend.opened).toEqual([]);
  });

  test('names the CACHE_S3 variable of a bad value', async () => {
    const { lines } = await runRestore({}, {}, { CACHE_S3_RETRY_COUNT: 'three' });
    expect(lines[0]).toMatch(/^error: Input 'retry-count' \(CACHE_S3_RETRY_COUNT\) is 'three', but/);
  });

  test('warns of an event without a ref and does nothing else', async () => {
    const { lines, failed, backend } = await runRestore({}, {}, { GITHUB_REF: '', GITHUB_EVENT_NAME: 'odd' });
    expect(lines).toEqual([
      "warning: Event Validation Error: The event type odd is not supported because it's not tied to a branch or tag ref.",
    ]);
    expect(failed).toBe(false);
    expect(backend.opened).toEqual([]);
  });
});

test.each([
  ['the main phase of a run that may save', {}, true, true],
  ['the main phase of a run that may only read', { ACTIONS_CACHE_MODE: 'read' }, true, false],
  ['restore/', {}, false, false],
])('the backend notes contents for a save in %s, or not', async (_, env, keepState, expected) => {
  const { backend } = await runRestore({ restore: missed }, {}, env, { keepState });
  expect(backend.calls[0]?.request).toMatchObject({ savesLater: expected });
});
