import { describe, expect, test } from 'vitest';
import { restoreStep } from '../../../src/action/step/restore-step.ts';
import type { StepState } from '../../../src/action/step/state.ts';
import {
  DamagedArchiveError,
  TargetTreeError,
  UnknownFormatError,
} from '../../../src/archive/archive-errors.ts';
import type { StorageBackend } from '../../../src/storage/backend.ts';
import type { RestoreOutcome } from '../../../src/storage/outcomes.ts';
import { StoreUnavailableError } from '../../../src/storage/store-errors.ts';
import { noRecords, recordingRunner, scriptedBackend, steady, stepEnv } from '../support.ts';

const hit: RestoreOutcome = {
  kind: 'hit',
  source: 's3',
  key: 'npm-1',
  exact: true,
  sizeBytes: 279_000_000,
  object: { name: 'o', etag: 'e' },
  entries: 2092,
  rawBytes: 830_000_000,
};

const missed = async (): Promise<RestoreOutcome> => ({ kind: 'miss', diagnosis: undefined });

async function step(
  script: Partial<StorageBackend>,
  inputs: Record<string, string> = {},
  more: Record<string, string> = {},
  { keepState = true, signal = new AbortController().signal } = {},
) {
  const runner = recordingRunner(stepEnv(inputs, more));
  const backend = scriptedBackend(script);
  await restoreStep(runner, { open: backend.open, records: noRecords, signal, keepState });
  const last = runner.states.at(-1);
  return {
    ...runner,
    failed: runner.failed,
    lines: runner.lines.map(steady),
    backend,
    state: last === undefined ? undefined : (JSON.parse(last) as StepState),
  };
}

describe('what is found', () => {
  test('an exact hit', async () => {
    const { lines, outputs, state, backend } = await step({ restore: async () => hit });
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
      source: 's3',
      matchedKey: 'npm-1',
      bucketWasDown: false,
      base: { name: 'o', etag: 'e' },
    });
    expect(backend.closed).toBe(1);
  });

  test('a partial hit names the key that was found, not the prefix', async () => {
    const restore = async () => ({ ...hit, key: 'npm-0', exact: false });
    const { lines, outputs, state } = await step({ restore }, { 'restore-keys': 'npm-' });
    expect(lines[0]).toBe('info: Cache restored from key: npm-0');
    expect(outputs).toMatchObject({ 'cache-hit': 'false', 'cache-matched-key': 'npm-0' });
    expect(state).toMatchObject({ key: 'npm-1', matchedKey: 'npm-0', restoreKeys: ['npm-'] });
  });

  test('lookup-only restores nothing, and gives the save nothing to build on', async () => {
    const { lines, backend, state } = await step({ lookup: async () => hit }, { 'lookup-only': 'true' });
    expect(backend.asked.map(({ method }) => method)).toEqual(['lookup']);
    expect(lines).toEqual([
      'info: Cache found and can be restored from key: npm-1',
      'info: cache-s3: op=lookup source=s3 result=hit bytes=279000000 ms=N requests=3 retries=1',
    ]);
    expect(state?.base).toBeUndefined();
  });

  test('what GitHub does not tell is not told', async () => {
    const github = {
      kind: 'hit',
      source: 'github',
      key: 'npm-1',
      exact: true,
      sizeBytes: undefined,
    } as const;
    const restore = async () => ({ ...github, entries: undefined, rawBytes: undefined });
    const { outputs, lines } = await step({ restore });
    expect(outputs).not.toHaveProperty('cache-size');
    expect(lines.at(-1)).toContain('source=github result=hit ms=N');
  });

  test('restore/ keeps no state', async () => {
    const { state, outputs } = await step({ restore: async () => hit }, {}, {}, { keepState: false });
    expect(state).toBeUndefined();
    expect(outputs['cache-primary-key']).toBe('npm-1');
  });
});

describe('a miss', () => {
  const miss = { restore: missed };

  test('leaves cache-hit unset and names the keys', async () => {
    const { lines, outputs, state, failed } = await step(miss, { 'restore-keys': 'npm-\nn' });
    expect(lines).toEqual([
      'info: Cache not found for input keys: npm-1, npm-, n',
      'info: cache-s3: op=restore source=none result=miss ms=N requests=3 retries=1',
    ]);
    expect(outputs).toEqual({ 'cache-primary-key': 'npm-1', 'cache-source': 'none' });
    expect(state).toMatchObject({ finished: true, source: 'none' });
    expect(failed).toBe(false);
  });

  test('fails where that is asked for, in actions/cache’s words', async () => {
    const { lines, failed } = await step(miss, { 'fail-on-cache-miss': 'true' });
    expect(failed).toBe(true);
    expect(lines[0]).toBe(
      'error: Failed to restore cache entry. Exiting as fail-on-cache-miss is set. Input key: npm-1',
    );
  });

  test('the diagnosis of a miss comes before the miss', async () => {
    const restore = async () => ({ kind: 'miss', diagnosis: 'The key exists elsewhere.' }) as const;
    const { lines } = await step({ restore });
    expect(lines.slice(0, 2)).toEqual([
      'info: The key exists elsewhere.',
      'info: Cache not found for input keys: npm-1',
    ]);
  });

  test('an object of another format is a notice and a miss', async () => {
    const error = new UnknownFormatError('it is of archive format 3, and this release reads format 1');
    const { lines, state } = await step({ restore: async () => ({ kind: 'unusable', key: 'npm-1', error }) });
    expect(lines.slice(0, 2)).toEqual([
      "notice: The object of key 'npm-1' is not used: it is of archive format 3, and this release reads format 1.",
      'info: Cache not found for input keys: npm-1',
    ]);
    expect(lines[2]).toContain('result=miss');
    expect(state?.damaged).toBeUndefined();
  });
});

describe('what goes wrong', () => {
  const error = new StoreUnavailableError('no connection');
  const down = { restore: async () => ({ kind: 'unavailable', source: 's3', error }) as const };

  test('an outage sets cache-hit to false and is not reported as a miss', async () => {
    const { lines, outputs, state, failed } = await step(down);
    expect(lines[0]).toBe('warning: The bucket cannot be reached: no connection.');
    expect(outputs).toMatchObject({ 'cache-hit': 'false', 'cache-source': 'none' });
    expect(state).toMatchObject({ finished: true, bucketWasDown: true });
    expect(lines.join()).not.toContain('not found');
    expect(failed).toBe(false);
  });

  test('fail-on-cache-miss tells an outage from a miss', async () => {
    const { lines, failed } = await step(down, { 'fail-on-cache-miss': 'true' });
    expect(failed).toBe(true);
    expect(lines[1]).toBe(
      'error: Failed to restore cache entry: no connection. Exiting as fail-on-cache-miss is set, although this is not a miss. Input key: npm-1',
    );
  });

  test('a damaged object is a miss with a warning, and the save may replace it', async () => {
    const object = { name: 'o', etag: 'e', key: 'npm-1' };
    const error = new DamagedArchiveError('frame 3 has another SHA-256');
    const restore = async () => ({ kind: 'damaged', object, error }) as const;
    const { lines, state, outputs } = await step({ restore });
    expect(lines[0]).toBe(
      'warning: Cache not restored, its object is damaged and nothing was written: frame 3 has another SHA-256',
    );
    expect(outputs).not.toHaveProperty('cache-hit');
    expect(state?.damaged).toEqual({ name: 'o', etag: 'e', key: 'npm-1' });
    expect(state?.matchedKey).toBeUndefined();
  });

  test('a tree that cannot be written is a warning', async () => {
    const error = new TargetTreeError('/x is a mount point');
    const restore = async () => ({ kind: 'failed', error, treeChanged: false }) as const;
    const { lines, failed, state, backend } = await step({ restore });
    expect(lines[0]).toBe('warning: Cache not restored: /x is a mount point');
    expect(failed).toBe(false);
    expect(state).toMatchObject({ finished: true, source: 'none' });
    expect(state?.matchedKey).toBeUndefined();
    expect(backend.closed).toBe(1);
  });

  test('a tree that holds only some of the cache is a warning, and not to be saved', async () => {
    const error = new TargetTreeError('/x cannot be written (EIO)');
    const restore = async () => ({ kind: 'failed', error, treeChanged: true }) as const;
    const { lines, failed, state, outputs } = await step({ restore });
    expect(lines[0]).toBe('warning: Cache restored only in part: /x cannot be written (EIO)');
    expect(lines.at(-1)).toContain('result=failed');
    expect(failed).toBe(false);
    expect(outputs).toMatchObject({ 'cache-hit': 'false', 'cache-source': 'none' });
    expect(state?.finished).toBe(false);
  });

  test('a cancelled restore leaves its state unfinished', async () => {
    const controller = new AbortController();
    const restore = async () => {
      controller.abort();
      return { kind: 'cancelled' } as const;
    };
    const { lines, state } = await step({ restore }, {}, {}, { signal: controller.signal });
    expect(lines).toEqual(['warning: Cache not restored: the step was cancelled.']);
    expect(state?.finished).toBe(false);
  });

  test('a restore that a signal came too late for is reported as what it is', async () => {
    const controller = new AbortController();
    const restore = async () => {
      controller.abort();
      return hit;
    };
    const { lines, outputs } = await step({ restore }, {}, {}, { signal: controller.signal });
    expect(lines[0]).toBe('info: Cache restored from key: npm-1');
    expect(outputs['cache-hit']).toBe('true');
  });

  test('bad inputs fail, and nothing is asked or kept', async () => {
    const { lines, failed, state, backend, outputs } = await step({}, { 'retry-count': 'three' });
    expect(lines).toEqual([
      "error: Input 'retry-count' is 'three', but it has to be a whole number from 0 to 99.",
    ]);
    expect(failed).toBe(true);
    expect(state).toBeUndefined();
    expect(outputs).toEqual({});
    expect(backend.opened).toEqual([]);
  });

  test('a bad value of the fleet is said with its variable', async () => {
    const { lines } = await step({}, {}, { CACHE_S3_RETRY_COUNT: 'three' });
    expect(lines[0]).toMatch(/^error: Input 'retry-count' \(CACHE_S3_RETRY_COUNT\) is 'three', but/);
  });

  test('an event without a ref is a warning and nothing else', async () => {
    const { lines, failed, backend } = await step({}, {}, { GITHUB_REF: '', GITHUB_EVENT_NAME: 'odd' });
    expect(lines).toEqual([
      "warning: Event Validation Error: The event type odd is not supported because it's not tied to a branch or tag ref.",
    ]);
    expect(failed).toBe(false);
    expect(backend.opened).toEqual([]);
  });
});

describe('what is decided before', () => {
  test('a denied read is one line, and nobody is asked', async () => {
    const { lines, backend, outputs, state } = await step({}, {}, { ACTIONS_CACHE_MODE: 'write-only' });
    expect(backend.opened).toEqual([]);
    expect(lines).toEqual([
      'info: Cache not restored: ACTIONS_CACHE_MODE is write-only.',
      'info: Cache not found for input keys: npm-1',
      'info: cache-s3: op=restore source=none result=denied ms=N requests=0 retries=0',
    ]);
    expect(outputs).toEqual({ 'cache-primary-key': 'npm-1', 'cache-source': 'none' });
    // What lies on the disk is whole, so the post phase may save it
    expect(state).toMatchObject({ finished: true, source: 'none' });
  });

  test('inputs that mean nothing without a bucket are named', async () => {
    const { lines, backend } = await step({ restore: missed }, { bucket: '' });
    expect(lines[0]).toBe(
      "warning: Input 'bucket' is empty, so GitHub's cache is used and 'endpoint' has no effect: set 'bucket' to use yours.",
    );
    expect(backend.opened[0]?.target.kind).toBe('github');
  });

  test('the plan asks for the exact key first, on every ref that may be read', async () => {
    const more = { GITHUB_REF: 'refs/heads/topic', GITHUB_EVENT_NAME: 'schedule' };
    const { backend } = await step({ restore: missed }, {}, more);
    const request = backend.asked[0]?.request as { plan: { kind: string; space: { label: string } }[] };
    expect(request.plan.map(({ kind, space }) => `${kind} ${space.label}`)).toEqual([
      'exact refs/heads/topic',
      'prefix refs/heads/topic',
    ]);
  });

  test('use-fallback and the run are handed on', async () => {
    const { backend } = await step({ restore: missed }, { 'use-fallback': 'false' });
    expect(backend.opened[0]?.options).toMatchObject({ fallback: false, bucketWasDown: false });
    expect(backend.asked[0]?.request).toMatchObject({ runLabel: expect.stringMatching(/^42-[0-9a-f]{8}$/) });
  });

  test('the job summary has the keys', async () => {
    const { summaries } = await step({ restore: async () => hit }, { summary: 'true', key: 'npm-1' });
    expect(summaries[0]).toContainEqual(['Matched key', 'npm-1']);
  });

  test('secrets are in no line, state or output', async () => {
    const { lines, state, outputs } = await step(
      { restore: async () => hit },
      { accessKey: 'AKIDSECRET', secretKey: 'hunter2', sessionToken: 'tok3n' },
    );
    expect(JSON.stringify([lines, state, outputs])).not.toMatch(/AKIDSECRET|hunter2|tok3n/);
  });
});
