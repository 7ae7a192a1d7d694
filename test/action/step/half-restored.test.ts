import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { StepBackend } from '../../../src/action/backend/open.ts';
import { restoreStep } from '../../../src/action/step/restore-step.ts';
import { saveStep } from '../../../src/action/step/save-step.ts';
import { TargetTreeError } from '../../../src/archive/archive-errors.ts';
import type { CacheMatch, RestoreOutcome, SaveOutcome } from '../../../src/storage/backend.ts';
import { recordingRunner, scriptedBackend, steady, stepEnv } from '../support.ts';

const match: CacheMatch = { source: 's3', key: 'npm-1', exact: true, sizeBytes: 1 };
const whole = async (): Promise<RestoreOutcome> => ({ ...match, entries: 1, rawBytes: 1 });
const half = async () => {
  throw Object.assign(new TargetTreeError('/x cannot be written (EIO)'), { halfway: true });
};
const saved: SaveOutcome = {
  ...{ result: 'saved', source: 's3', sizeBytes: 1, entries: 1, rawBytes: 1, reusedBytes: 0 },
};

/** Steps of one job: restore/ and save/, which leave each other no state. */
describe('restore/ and save/ of one job', () => {
  let temp: string;
  beforeEach(() => {
    temp = mkdtempSync(path.join(tmpdir(), 'cache-s3-half-'));
  });
  afterEach(() => rmSync(temp, { recursive: true, force: true }));

  async function restore(script: Partial<StepBackend>, inputs: Record<string, string> = {}) {
    const runner = recordingRunner(stepEnv(inputs, { RUNNER_TEMP: temp }));
    const { signal } = new AbortController();
    await restoreStep(runner, { open: scriptedBackend(script).open, signal, keepState: false });
  }

  async function save(inputs: Record<string, string> = {}) {
    const runner = recordingRunner(stepEnv(inputs, { RUNNER_TEMP: temp }));
    const { open } = scriptedBackend({ save: async () => saved });
    await saveStep(runner, { open, signal: new AbortController().signal, afterRestore: false });
    return runner.lines.map(steady);
  }

  test.each([{}, { key: 'npm-2' }, { sudo: 'true' }])(
    'paths that were restored only in part are not saved, %j',
    async inputs => {
      await restore({ restore: half });
      expect(await save(inputs)).toEqual([
        'info: Cache not saved: these paths were restored only in part.',
        'info: cache-s3: op=save source=none result=skipped ms=N requests=0 retries=0',
      ]);
    },
  );

  test('other paths are', async () => {
    await restore({ restore: half });
    expect((await save({ path: 'other' }))[0]).toBe('info: Cache saved with key: npm-1');
  });

  test('nor are they after a look at the cache, but after they were restored whole', async () => {
    await restore({ restore: half });
    await restore({ lookup: async () => match }, { 'lookup-only': 'true' });
    await restore({ restore: async () => undefined });
    expect((await save())[0]).toContain('restored only in part');
    await restore({ restore: whole });
    expect((await save())[0]).toBe('info: Cache saved with key: npm-1');
    expect(readdirSync(temp)).toEqual([]);
  });

  test('after a restore that wrote nothing they are', async () => {
    const restoreNothing = async () => {
      throw new TargetTreeError('/x is a mount point');
    };
    await restore({ restore: restoreNothing });
    expect((await save())[0]).toBe('info: Cache saved with key: npm-1');
  });
});
