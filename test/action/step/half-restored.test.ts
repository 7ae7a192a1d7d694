import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { restoreStep } from '../../../src/action/step/restore-step.ts';
import { saveStep } from '../../../src/action/step/save-step.ts';
import { TargetTreeError } from '../../../src/archive/archive-errors.ts';
import { JobRecords } from '../../../src/records/job-records.ts';
import { silentLog } from '../../../src/report/log.ts';
import type { StorageBackend } from '../../../src/storage/backend.ts';
import type { Hit, RestoreOutcome, SaveOutcome } from '../../../src/storage/outcomes.ts';
import { recordingRunner, scriptedBackend, steady, stepEnv } from '../support.ts';

const match: Hit = { kind: 'hit', source: 's3', key: 'npm-1', exact: true, sizeBytes: 1 };
const whole = async (): Promise<RestoreOutcome> => ({ ...match, entries: 1, rawBytes: 1 });
const failed = (treeChanged: boolean) => async () => {
  return { kind: 'failed', error: new TargetTreeError('/x cannot be written (EIO)'), treeChanged } as const;
};
const half = failed(true);
const saved: SaveOutcome = {
  ...{ kind: 'saved', source: 's3', sizeBytes: 1, entries: 1, rawBytes: 1, reusedBytes: 0 },
};

/** Steps of one job: restore/ and save/, which leave each other no state. */
describe('after restore/ restored some paths only in part', () => {
  let temp: string;
  beforeEach(() => {
    temp = mkdtempSync(path.join(tmpdir(), 'cache-s3-half-'));
  });
  afterEach(() => rmSync(temp, { recursive: true, force: true }));

  const records = () => new JobRecords(temp, silentLog);

  async function restore(script: Partial<StorageBackend>, inputs: Record<string, string> = {}) {
    const runner = recordingRunner(stepEnv(inputs, { RUNNER_TEMP: temp }));
    const { signal } = new AbortController();
    await restoreStep(runner, {
      open: scriptedBackend(script).open,
      records: records(),
      signal,
      keepState: false,
    });
  }

  async function save(inputs: Record<string, string> = {}) {
    const runner = recordingRunner(stepEnv(inputs, { RUNNER_TEMP: temp }));
    const { open } = scriptedBackend({ save: async () => saved });
    await saveStep(runner, {
      open,
      records: records(),
      signal: new AbortController().signal,
      afterRestore: false,
    });
    return runner.lines.map(steady);
  }

  test.each([{}, { key: 'npm-2' }, { sudo: 'true' }])(
    'save/ of the same job skips these paths (%j)',
    async inputs => {
      await restore({ restore: half });
      expect(await save(inputs)).toEqual([
        'info: Cache not saved: these paths were restored only in part.',
        'info: cache-s3: op=save source=none result=skipped ms=N requests=0 retries=0',
      ]);
    },
  );

  test('save/ still saves other paths', async () => {
    await restore({ restore: half });
    expect((await save({ path: 'other' }))[0]).toBe('info: Cache saved with key: npm-1');
  });

  test('save/ skips them after a lookup and a miss, and saves them after a full restore', async () => {
    await restore({ restore: half });
    await restore({ lookup: async () => match }, { 'lookup-only': 'true' });
    await restore({ restore: async () => ({ kind: 'miss', diagnosis: undefined }) });
    expect((await save())[0]).toContain('restored only in part');
    await restore({ restore: whole });
    expect((await save())[0]).toBe('info: Cache saved with key: npm-1');
    expect(readdirSync(temp)).toEqual([]);
  });

  test('save/ saves them after a restore that changed nothing', async () => {
    await restore({ restore: failed(false) });
    expect((await save())[0]).toBe('info: Cache saved with key: npm-1');
  });
});
