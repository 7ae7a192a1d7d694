import { describe, expect, test } from 'vitest';
import {
  DamagedArchiveError,
  TargetTreeError,
  UnusableArchiveError,
} from '../../../src/archive/archive-errors.ts';
import { SecretlessRunError, StoreUnavailableError } from '../../../src/storage/store-errors.ts';
import { hit, missed, runRestore, target } from './support.ts';

describe('a restore that finds a cache', () => {
  test('reports an exact hit with its outputs and keeps the object for the save', async () => {
    const { lines, outputs, state, backend } = await runRestore({ restore: async () => hit });
    expect(lines).toEqual([
      'info: Cache restored from key: npm-1',
      'info: Restored 2,092 entries, 830.0 MB of files, 279.0 MB stored, in N s (R)',
      'info: cache-s3: op=restore source=s3 result=hit bytes=279000000 ms=N requests=3 retries=1',
    ]);
    expect(outputs).toEqual({
      'cache-primary-key': 'npm-1',
      'cache-source': 's3',
      'cache-hit': 'true',
      'cache-matched-key': 'npm-1',
      'cache-size': '279000000',
    });
    expect(state).toEqual({
      paths: ['node_modules'],
      key: 'npm-1',
      restoreKeys: [],
      finished: true,
      saveAlways: false,
      home: '/home/me',
      target,
      source: 's3',
      matchedKey: 'npm-1',
      bucketWasDown: false,
      base: { name: 'o', etag: 'e' },
    });
    expect(backend.closed).toBe(1);
  });

  test('reports a partial hit with the key that was found', async () => {
    const restore = async () => ({ ...hit, key: 'npm-0', exact: false });
    const { lines, outputs, state } = await runRestore({ restore }, { 'restore-keys': 'npm-' });
    expect(lines[0]).toBe('info: Cache restored from key: npm-0');
    expect(outputs).toMatchObject({ 'cache-hit': 'false', 'cache-matched-key': 'npm-0' });
    expect(state).toMatchObject({ key: 'npm-1', matchedKey: 'npm-0', restoreKeys: ['npm-'] });
  });

  test('with lookup-only restores nothing and keeps no base for the save', async () => {
    const { lines, backend, state } = await runRestore(
      { lookup: async () => hit },
      { 'lookup-only': 'true' },
    );
    expect(backend.calls.map(({ method }) => method)).toEqual(['lookup']);
    expect(lines).toEqual([
      'info: Cache found and can be restored from key: npm-1',
      'info: cache-s3: op=lookup source=s3 result=hit bytes=279000000 ms=N requests=3 retries=1',
    ]);
    expect(state?.base).toBeUndefined();
  });

  test('omits the size that GitHub does not report', async () => {
    const github = {
      kind: 'hit',
      source: 'github',
      key: 'npm-1',
      exact: true,
      sizeBytes: undefined,
    } as const;
    const restore = async () => ({ ...github, entries: undefined, rawBytes: undefined });
    const { outputs, lines } = await runRestore({ restore });
    expect(outputs).not.toHaveProperty('cache-size');
    expect(lines.at(-1)).toContain('source=github result=hit ms=N');
  });

  test('keeps no state in restore/', async () => {
    const { state, outputs } = await runRestore({ restore: async () => hit }, {}, {}, { keepState: false });
    expect(state).toBeUndefined();
    expect(outputs['cache-primary-key']).toBe('npm-1');
  });
});

describe('a miss', () => {
  const miss = { restore: missed };

  test('leaves cache-hit unset and logs the keys', async () => {
    const { lines, outputs, state, failed } = await runRestore(miss, { 'restore-keys': 'npm-\nn' });
    expect(lines).toEqual([
      'info: Cache not found for input keys: npm-1, npm-, n',
      'info: cache-s3: op=restore source=none result=miss ms=N requests=3 retries=1',
    ]);
    expect(outputs).toEqual({ 'cache-primary-key': 'npm-1', 'cache-source': 'none' });
    expect(state).toMatchObject({ finished: true, source: 'none' });
    expect(failed).toBe(false);
  });

  test('fails the step with fail-on-cache-miss in the words of actions/cache', async () => {
    const { lines, failed } = await runRestore(miss, { 'fail-on-cache-miss': 'true' });
    expect(failed).toBe(true);
    expect(lines[0]).toBe(
      'error: Failed to restore cache entry. Exiting as fail-on-cache-miss is set. Input key: npm-1',
    );
  });

  test('is preceded by its diagnosis', async () => {
    const restore = async () => ({ kind: 'miss', diagnosis: 'The key exists elsewhere.' }) as const;
    const { lines } = await runRestore({ restore });
    expect(lines.slice(0, 2)).toEqual([
      'info: The key exists elsewhere.',
      'info: Cache not found for input keys: npm-1',
    ]);
  });

  test('is the result for an object of another format, after a notice', async () => {
    const error = new UnusableArchiveError('it is of archive format 3, and this release reads format 1');
    const { lines, state } = await runRestore({
      restore: async () => ({
        ...{ kind: 'miss', diagnosis: undefined },
        rejected: [{ kind: 'unusable', key: 'npm-1', object: { name: 'o', etag: 'e' }, error }],
      }),
    });
    expect(lines.slice(0, 2)).toEqual([
      "notice: The object of key 'npm-1' is not used: it is of archive format 3, and this release reads format 1.",
      'info: Cache not found for input keys: npm-1',
    ]);
    expect(lines[2]).toContain('result=miss');
    expect(state?.damaged).toBeUndefined();
  });
});

describe('a restore that goes wrong', () => {
  const error = new StoreUnavailableError('no connection');
  const down = { restore: async () => ({ kind: 'unavailable', source: 's3', error }) as const };

  test('sets cache-hit to false after an outage and does not report a miss', async () => {
    const { lines, outputs, state, failed } = await runRestore(down);
    expect(lines[0]).toBe(
      'warning: The bucket is unavailable: no connection. The job continues without the cache.',
    );
    expect(outputs).toMatchObject({ 'cache-hit': 'false', 'cache-source': 'none' });
    expect(state).toMatchObject({ finished: true, bucketWasDown: true });
    expect(lines.join()).not.toContain('not found');
    expect(failed).toBe(false);
  });

  test('logs a notice for a pull request from a fork, which has no credentials by design', async () => {
    const error = new SecretlessRunError('no credentials: a pull request from a fork gets no secrets');
    const refused = { kind: 'refused', source: 's3', error } as const;
    const { lines } = await runRestore({ restore: async () => refused });
    expect(lines[0]).toBe(
      'notice: The bucket cannot be used: no credentials: a pull request from a fork gets no secrets. The job continues without the cache.',
    );
  });

  test('fails with the cause of an outage when fail-on-cache-miss is set', async () => {
    const { lines, failed } = await runRestore(down, { 'fail-on-cache-miss': 'true' });
    expect(failed).toBe(true);
    expect(lines[0]).toBe('warning: The bucket is unavailable: no connection.');
    expect(lines[1]).toBe(
      'error: Failed to restore cache entry: no connection. Exiting as fail-on-cache-miss is set, although this is not a miss. Input key: npm-1',
    );
  });

  test('reports a damaged object as a miss with a warning and lets the save replace it', async () => {
    const object = { name: 'o', etag: 'e' };
    const error = new DamagedArchiveError('frame 3 has another SHA-256');
    const rejected = [{ kind: 'damaged', key: 'npm-1', object, error }] as const;
    const restore = async () => ({ kind: 'miss', diagnosis: undefined, rejected }) as const;
    const { lines, state, outputs } = await runRestore({ restore });
    expect(lines.slice(0, 2)).toEqual([
      "warning: The object of key 'npm-1' is not used, because it is damaged: frame 3 has another SHA-256.",
      'info: Cache not found for input keys: npm-1',
    ]);
    expect(lines[2]).toContain('result=damaged');
    expect(outputs).not.toHaveProperty('cache-hit');
    expect(state?.damaged).toEqual({ name: 'o', etag: 'e' });
    expect(state?.matchedKey).toBeUndefined();
  });

  test('names the key of a damaged object before the cache that was restored in its place', async () => {
    const object = { name: 'o-2', etag: 'e' };
    const error = new DamagedArchiveError('it is short');
    const rejected = [{ kind: 'damaged', key: 'npm-2', object, error }] as const;
    const restore = async () => ({ ...hit, key: 'npm-0', exact: false, rejected });
    const { lines, state } = await runRestore({ restore });
    expect(lines.slice(0, 2)).toEqual([
      "warning: The object of key 'npm-2' is not used, because it is damaged: it is short.",
      'info: Cache restored from key: npm-0',
    ]);
    expect(state).toMatchObject({ damaged: object, matchedKey: 'npm-0', base: { name: 'o' } });
  });

  test('warns of a tree that cannot be written', async () => {
    const error = new TargetTreeError('/x is a mount point');
    const restore = async () => ({ kind: 'failed', error, treeChanged: false }) as const;
    const { lines, failed, state, outputs, backend } = await runRestore({ restore });
    expect(lines[0]).toBe('warning: Cache not restored: /x is a mount point');
    expect(outputs).toMatchObject({ 'cache-hit': 'false', 'cache-source': 'none' });
    expect(failed).toBe(false);
    expect(state).toMatchObject({ finished: true, source: 'none' });
    expect(state?.matchedKey).toBeUndefined();
    expect(backend.closed).toBe(1);
  });

  test('warns of a tree that was restored only in part and lets no save follow', async () => {
    const error = new TargetTreeError('/x cannot be written (EIO)');
    const restore = async () => ({ kind: 'failed', error, treeChanged: true }) as const;
    const { lines, failed, state, outputs } = await runRestore({ restore });
    expect(lines[0]).toBe('warning: Cache restored only in part: /x cannot be written (EIO)');
    expect(lines.at(-1)).toContain('result=failed');
    expect(failed).toBe(false);
    expect(outputs).toMatchObject({ 'cache-hit': 'false', 'cache-source': 'none' });
    expect(state?.finished).toBe(false);
  });

  test('reports a cancellation and leaves its state unfinished', async () => {
    const controller = new AbortController();
    const restore = async () => {
      controller.abort();
      return { kind: 'cancelled' } as const;
    };
    const { lines, state, outputs } = await runRestore({ restore }, {}, {}, { signal: controller.signal });
    expect(lines).toEqual([
      'warning: Cache not restored: the step was cancelled.',
      'info: cache-s3: op=restore source=none result=cancelled ms=N requests=3 retries=1',
    ]);
    expect(outputs).not.toHaveProperty('cache-hit');
    expect(state?.finished).toBe(false);
  });

  test('reports a hit even if the signal comes after it', async () => {
    const controller = new AbortController();
    const restore = async () => {
      controller.abort();
      return hit;
    };
    const { lines, outputs } = await runRestore({ restore }, {}, {}, { signal: controller.signal });
    expect(lines[0]).toBe('info: Cache restored from key: npm-1');
    expect(outputs['cache-hit']).toBe('true');
  });
});
