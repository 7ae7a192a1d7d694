import { describe, expect, test } from 'vitest';
import { saveStep } from '../../../src/action/step/save-step.ts';
import type { StepState } from '../../../src/action/step/state.ts';
import { SourceTreeError } from '../../../src/archive/archive-errors.ts';
import type { SaveRequest, StorageBackend } from '../../../src/storage/backend.ts';
import { outcomeOfError, type SaveOutcome } from '../../../src/storage/outcomes.ts';
import {
  NameTooLongError,
  StoreRefusedError,
  StoreUnavailableError,
} from '../../../src/storage/store-errors.ts';
import { noRecords, recordingRunner, scriptedBackend, steady, stepEnv } from '../support.ts';

const saved: SaveOutcome = {
  kind: 'saved',
  source: 's3',
  sizeBytes: 1000,
  entries: 3,
  rawBytes: 4000,
  reusedBytes: 0,
};
const missed: StepState = {
  paths: ['node_modules'],
  key: 'npm-1',
  restoreKeys: [],
  finished: true,
  saveAlways: false,
  source: 'none',
  bucketWasDown: false,
};

interface Given {
  readonly script?: Partial<StorageBackend>;
  readonly state?: Partial<StepState> | 'none';
  readonly inputs?: Record<string, string>;
  readonly env?: Record<string, string>;
  readonly signal?: AbortSignal;
}

async function run(afterRestore: boolean, given: Given) {
  const { state = {}, signal = new AbortController().signal } = given;
  const stateEnv =
    afterRestore && state !== 'none' ? { STATE_CACHE_S3: JSON.stringify({ ...missed, ...state }) } : {};
  const runner = recordingRunner(stepEnv(given.inputs ?? {}, { ...stateEnv, ...given.env }));
  const backend = scriptedBackend(given.script ?? { save: async () => saved });
  await saveStep(runner, { open: backend.open, records: noRecords, signal, afterRestore });
  return {
    lines: runner.lines.map(steady),
    failed: runner.failed,
    backend,
    request: backend.asked[0]?.request as SaveRequest | undefined,
  };
}
const post = (given: Given = {}) => run(true, given);
const saveOnly = (given: Given = {}) => run(false, given);
const skipped = 'info: cache-s3: op=save source=none result=skipped ms=N requests=0 retries=0';
const failing = (error: Error): Partial<StorageBackend> => ({
  save: async () => outcomeOfError(error, 's3', undefined),
});

describe('the post phase', () => {
  test('saves after a miss', async () => {
    const { lines, request, backend } = await post();
    expect(lines).toEqual([
      'info: Cache saved with key: npm-1',
      'info: Saved 3 entries, 4.0 kB of files, 1.0 kB stored, in N s (R)',
      'info: cache-s3: op=save source=s3 result=saved bytes=1000 ms=N requests=3 retries=1',
    ]);
    expect(request).toMatchObject({ key: 'npm-1', overwrite: false, space: { label: 'refs/heads/main' } });
    expect(backend.closed).toBe(1);
  });

  test('saves after a partial hit, on what was restored', async () => {
    const state = { matchedKey: 'npm-0', source: 's3', base: { name: 'o', etag: 'e' } } as const;
    expect((await post({ state })).request?.base).toEqual({ name: 'o', etag: 'e' });
  });

  test('does not save after an exact hit', async () => {
    const { lines, backend } = await post({ state: { matchedKey: 'npm-1', source: 's3' } });
    expect(lines).toEqual(['info: Cache hit occurred on the primary key npm-1, not saving cache.', skipped]);
    expect(backend.opened).toEqual([]);
  });

  test('a key that differs in case is another key', async () => {
    expect((await post({ state: { matchedKey: 'NPM-1', source: 's3' } })).request).toBeDefined();
  });

  test('overwrite saves after an exact hit', async () => {
    const { request } = await post({
      state: { matchedKey: 'npm-1', source: 's3' },
      inputs: { overwrite: 'true' },
    });
    expect(request?.overwrite).toBe(true);
  });

  test('works with the key and paths of the restore', async () => {
    const { request } = await post({ inputs: { key: 'npm-2', path: 'elsewhere' } });
    expect(request).toMatchObject({ key: 'npm-1', paths: ['node_modules'] });
  });

  test('an exact hit from GitHub goes to the bucket alone', async () => {
    const github = { matchedKey: 'npm-1', source: 'github', bucketWasDown: true } as const;
    const { backend, lines } = await post({ state: github });
    expect(backend.opened[0]?.options).toMatchObject({ fallback: false, bucketWasDown: true });
    expect(lines[0]).toBe('info: Cache saved with key: npm-1');
  });

  test.each([
    ['is still down', new StoreUnavailableError('no connection'), 'no connection'],
    [
      'refuses, as for a fork without secrets',
      new StoreRefusedError('no credentials', "the input 'accessKey'"),
      "check the input 'accessKey': no credentials",
    ],
    [
      'cannot hold the name',
      new NameTooLongError('it has 1100 bytes'),
      "the input 'key' is too long for the bucket: it has 1100 bytes",
    ],
  ])('and no fuss is made when the bucket %s', async (_, error, reason) => {
    const { lines, failed } = await post({
      state: { matchedKey: 'npm-1', source: 'github', bucketWasDown: true },
      script: failing(error),
      inputs: { 'fail-on-save-error': 'true' },
    });
    expect(lines[0]).toBe(
      `info: Cache not saved to the bucket, and GitHub's cache holds the key: ${reason}.`,
    );
    expect(failed).toBe(false);
  });

  test('what is wrong with the tree is said all the same', async () => {
    const { lines } = await post({
      state: { matchedKey: 'npm-1', source: 'github' },
      script: failing(new SourceTreeError('x cannot be read')),
    });
    expect(lines[0]).toBe('warning: Failed to save: x cannot be read');
  });

  describe('without a bucket', () => {
    const inputs = { bucket: '', endpoint: '' };

    test.each([{}, { overwrite: 'true' }])('an exact hit is not saved again, with %j', async more => {
      const { lines } = await post({
        state: { matchedKey: 'npm-1', source: 'github' },
        inputs: { ...inputs, ...more },
      });
      expect(lines).toEqual([
        'info: Cache hit occurred on the primary key npm-1, not saving cache.',
        skipped,
      ]);
    });

    test('which runs write is left to GitHub’s service', async () => {
      const event = { GITHUB_EVENT_NAME: 'issue_comment' };
      expect((await post({ env: event })).lines[0]).toMatch(/^info: Cache not saved: the event /);
      expect((await post({ env: event, inputs })).lines[0]).toBe('info: Cache saved with key: npm-1');
    });

    test('but ACTIONS_CACHE_MODE is obeyed', async () => {
      const { lines } = await post({ env: { ACTIONS_CACHE_MODE: 'read' }, inputs });
      expect(lines).toEqual(['info: Cache not saved: ACTIONS_CACHE_MODE is read.', skipped]);
    });
  });

  test('a damaged object may be replaced', async () => {
    const damaged = { name: 'o', etag: 'e', key: 'npm-1' };
    expect((await post({ state: { damaged } })).request?.damaged).toEqual(damaged);
  });

  test.each([
    ['cancelled', true, 'info: Cache not saved: the job was cancelled.'],
    ['failure', false, 'info: Cache not saved: the job failed and save-always is not set.'],
    ['failure', true, 'info: Cache saved with key: npm-1'],
    ['success', false, 'info: Cache saved with key: npm-1'],
    ['', false, 'info: Cache saved with key: npm-1'],
  ])('job %j with save-always %s', async (status, saveAlways, line) => {
    const { lines } = await post({ state: { saveAlways }, inputs: { 'job-status': status } });
    expect(lines[0]).toBe(line);
  });

  test('half a restore is not saved', async () => {
    const { lines, backend } = await post({ state: { finished: false, saveAlways: true } });
    expect(lines).toEqual(['info: Cache not saved: the restore did not finish.', skipped]);
    expect(backend.opened).toEqual([]);
  });

  test('without a state there is nothing to save', async () => {
    const { lines, failed } = await post({ state: 'none', inputs: { key: '' } });
    expect(lines).toEqual(['info: Cache not saved: the restore step failed before it read its key.']);
    expect(failed).toBe(false);
  });

  test('a denied write is one line', async () => {
    const { lines, backend } = await post({ env: { ACTIONS_CACHE_MODE: 'read' } });
    expect(lines).toEqual(['info: Cache not saved: ACTIONS_CACHE_MODE is read.', skipped]);
    expect(backend.opened).toEqual([]);
  });
});

describe('save/', () => {
  test('saves its own inputs', async () => {
    const { request, lines } = await saveOnly({
      inputs: { key: 'venv', path: '.venv', 'compression-level': '9' },
    });
    expect(request).toMatchObject({ key: 'venv', paths: ['.venv'], compressionLevel: 9 });
    expect(lines[0]).toBe('info: Cache saved with key: venv');
  });

  test('says where the cache comes from', async () => {
    const env = { GITHUB_SHA: '0123abc', GITHUB_RUN_ATTEMPT: '3' };
    expect((await saveOnly({ env })).request?.origin).toEqual({
      repository: 'octo/app',
      ref: 'refs/heads/main',
      sha: '0123abc',
      runId: '42',
      runAttempt: '3',
    });
  });

  test('bad inputs only warn', async () => {
    const { lines, failed, backend } = await saveOnly({ inputs: { key: 'a,b' } });
    expect(lines).toEqual(["warning: Input 'key' has the key 'a,b', but a key cannot contain a comma."]);
    expect(failed).toBe(false);
    expect(backend.opened).toEqual([]);
  });

  test('with the variable of the fleet that is bad', async () => {
    const { lines } = await saveOnly({ inputs: {}, env: { CACHE_S3_RETRY: '3' } });
    expect(lines[0]).toMatch(/^warning: Input 'retry' \(CACHE_S3_RETRY\) is '3', but/);
  });

  test('unless a save that fails shall fail the job', async () => {
    const { failed } = await saveOnly({ inputs: { key: 'a,b', 'fail-on-save-error': 'true' } });
    expect(failed).toBe(true);
  });

  test('another job was faster: success', async () => {
    const script = { save: async () => ({ kind: 'exists', source: 's3' }) as const };
    const { lines, failed } = await saveOnly({ script, inputs: { 'fail-on-save-error': 'true' } });
    expect(lines).toEqual([
      'info: Cache not saved: the key npm-1 was already saved by another job.',
      'info: cache-s3: op=save source=s3 result=exists ms=N requests=3 retries=1',
    ]);
    expect(failed).toBe(false);
  });

  test('nothing to save is a notice', async () => {
    const { lines } = await saveOnly({ script: { save: async () => ({ kind: 'empty' }) } });
    expect(lines).toEqual([
      "notice: Cache not saved: nothing exists at the paths 'node_modules'.",
      'info: cache-s3: op=save source=none result=empty ms=N requests=3 retries=1',
    ]);
  });

  test.each([
    [new StoreUnavailableError('no connection'), 'Failed to save: no connection'],
    [
      new StoreRefusedError('the access key is unknown', "the input 'accessKey'"),
      "Failed to save: check the input 'accessKey': the access key is unknown",
    ],
    [
      new StoreRefusedError('the clocks differ', "the runner's clock"),
      "Failed to save: check the runner's clock: the clocks differ",
    ],
    [new StoreRefusedError("GitHub's cache is full", undefined), "Failed to save: GitHub's cache is full"],
    [
      new NameTooLongError('it has 1100 bytes'),
      "Failed to save: the input 'key' is too long for the bucket: it has 1100 bytes",
    ],
    [new SourceTreeError('x cannot be read'), 'Failed to save: x cannot be read'],
  ])('%s is a warning, or the end where that is asked for', async (error, sentence) => {
    const warned = await saveOnly({ script: failing(error) });
    expect(warned.lines[0]).toBe(`warning: ${sentence}`);
    expect(warned.failed).toBe(false);
    expect(warned.backend.closed).toBe(1);
    const failed = await saveOnly({ script: failing(error), inputs: { 'fail-on-save-error': 'true' } });
    expect(failed.lines[0]).toBe(`error: ${sentence}`);
    expect(failed.failed).toBe(true);
  });

  test('a cancelled save says so', async () => {
    const controller = new AbortController();
    const script: Partial<StorageBackend> = {
      save: async () => {
        controller.abort();
        return { kind: 'cancelled', mayBeVisible: false };
      },
    };
    const { lines } = await saveOnly({ script, signal: controller.signal });
    expect(lines).toEqual([
      'warning: Cache not saved: the step was cancelled, and nothing of it is visible.',
      'info: cache-s3: op=save source=none result=cancelled ms=N requests=3 retries=1',
    ]);
  });

  test('a save that is cancelled in its last call does not know', async () => {
    const controller = new AbortController();
    const script: Partial<StorageBackend> = {
      async save() {
        controller.abort();
        return { kind: 'cancelled', mayBeVisible: true };
      },
    };
    const { lines } = await saveOnly({ script, signal: controller.signal });
    expect(lines[0]).toBe(
      'warning: The step was cancelled in the last call of the save: the cache may be visible or not.',
    );
  });

  test('an event without a ref is a warning', async () => {
    const { lines } = await saveOnly({ env: { GITHUB_REF: '' } });
    expect(lines[0]).toMatch(/^warning: Event Validation Error: /);
  });
});
