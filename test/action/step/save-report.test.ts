import { describe, expect, test } from 'vitest';
import { SourceTreeError } from '../../../src/archive/archive-errors.ts';
import type { StorageBackend } from '../../../src/storage/backend.ts';
import { outcomeOfError } from '../../../src/storage/outcomes.ts';
import {
  NameTooLongError,
  PolicyRefusedError,
  SecretlessRunError,
  StoreRefusedError,
  StoreUnavailableError,
} from '../../../src/storage/store-errors.ts';
import { runSave, type SaveGiven } from './support.ts';

const post = (given: SaveGiven = {}) => runSave(true, given);
const saveOnly = (given: SaveGiven = {}) => runSave(false, given);
const failing = (error: Error): Partial<StorageBackend> => ({
  save: async () => outcomeOfError(error, 's3', undefined),
});

describe('a save of the post phase', () => {
  test.each([
    ['is still down', new StoreUnavailableError('no connection'), 'no connection'],
    [
      'refuses',
      new StoreRefusedError('the access key is unknown', { input: 'accessKey' }),
      "check the input 'accessKey': the access key is unknown",
    ],
    [
      'cannot store the name',
      new NameTooLongError('it has 1100 bytes'),
      'the bucket cannot store this key: it has 1100 bytes',
    ],
  ])('logs one line after an exact hit from GitHub when the bucket %s', async (_, error, reason) => {
    const { lines, failed } = await post({
      state: { matchedKey: 'npm-1', source: 'github', bucketWasDown: true },
      script: failing(error),
      inputs: { 'fail-on-save-error': 'true' },
    });
    expect(lines[0]).toBe(
      `info: Cache not saved to the bucket: ${reason}. GitHub's cache already has the key.`,
    );
    expect(failed).toBe(false);
  });

  test('warns after an exact hit from GitHub when the tree cannot be read', async () => {
    const { lines } = await post({
      state: { matchedKey: 'npm-1', source: 'github' },
      script: failing(new SourceTreeError('x cannot be read')),
    });
    expect(lines[0]).toBe('warning: Failed to save: x cannot be read');
  });
});

describe('a save', () => {
  test.each([
    new PolicyRefusedError('this run may not assume the role', { input: 'role-to-assume' }),
    new SecretlessRunError('no credentials: a pull request from a fork gets no secrets'),
  ])('that is not meant to be is skipped with the reason, also with fail-on-save-error: %s', async error => {
    const { lines, failed } = await saveOnly({
      script: failing(error),
      inputs: { 'fail-on-save-error': 'true' },
    });
    expect(lines).toEqual([
      `info: Cache not saved: ${error.message}.`,
      'info: cache-s3: op=save source=none result=skipped ms=N requests=3 retries=1',
    ]);
    expect(failed).toBe(false);
  });

  test('succeeds when another job has saved the key', async () => {
    const script = { save: async () => ({ kind: 'exists', source: 's3' }) as const };
    const { lines, failed } = await saveOnly({ script, inputs: { 'fail-on-save-error': 'true' } });
    expect(lines).toEqual([
      'info: Cache not saved: the key npm-1 is already saved.',
      'info: cache-s3: op=save source=s3 result=exists ms=N requests=3 retries=1',
    ]);
    expect(failed).toBe(false);
  });

  test('logs a notice when nothing to save exists at the paths', async () => {
    const { lines } = await saveOnly({ script: { save: async () => ({ kind: 'empty' }) } });
    expect(lines).toEqual([
      "notice: Cache not saved: nothing to save exists at the paths 'node_modules'. Check the spelling of `path`.",
      'info: cache-s3: op=save source=none result=empty ms=N requests=3 retries=1',
    ]);
  });

  test.each([
    [new StoreUnavailableError('no connection'), 'Failed to save: no connection'],
    [
      new StoreRefusedError('the access key is unknown', { input: 'accessKey' }),
      "Failed to save: check the input 'accessKey': the access key is unknown",
    ],
    [
      new StoreRefusedError('the clocks differ', "the runner's clock"),
      "Failed to save: check the runner's clock: the clocks differ",
    ],
    [new StoreRefusedError("GitHub's cache is full", []), "Failed to save: GitHub's cache is full"],
    [
      new NameTooLongError('it has 1100 bytes'),
      'Failed to save: the bucket cannot store this key: it has 1100 bytes',
    ],
    [new SourceTreeError('x cannot be read'), 'Failed to save: x cannot be read'],
  ])('warns of %s, or fails with fail-on-save-error', async (error, sentence) => {
    const warned = await saveOnly({ script: failing(error) });
    expect(warned.lines[0]).toBe(`warning: ${sentence}`);
    expect(warned.failed).toBe(false);
    expect(warned.backend.closed).toBe(1);
    const failed = await saveOnly({ script: failing(error), inputs: { 'fail-on-save-error': 'true' } });
    expect(failed.lines[0]).toBe(`error: ${sentence}`);
    expect(failed.failed).toBe(true);
  });

  test('names the cache directory that cannot store the key', async () => {
    const script: Partial<StorageBackend> = {
      save: async () => outcomeOfError(new NameTooLongError('it has 1100 bytes'), 'directory', undefined),
    };
    const { lines } = await saveOnly({ script });
    expect(lines[0]).toBe(
      'warning: Failed to save: the cache directory cannot store this key: it has 1100 bytes',
    );
  });

  test('warns that it was cancelled and nothing is visible', async () => {
    const controller = new AbortController();
    const script: Partial<StorageBackend> = {
      save: async () => {
        controller.abort();
        return { kind: 'cancelled', mayBeVisible: false };
      },
    };
    const { lines } = await saveOnly({ script, signal: controller.signal });
    expect(lines).toEqual([
      'warning: Cache not saved: the step was cancelled.',
      'info: cache-s3: op=save source=none result=cancelled ms=N requests=3 retries=1',
    ]);
  });

  test('warns that a save was cancelled during its last request, so that its result is not known', async () => {
    const controller = new AbortController();
    const script: Partial<StorageBackend> = {
      async save() {
        controller.abort();
        return { kind: 'cancelled', mayBeVisible: true };
      },
    };
    const { lines } = await saveOnly({ script, signal: controller.signal });
    expect(lines[0]).toBe(
      'warning: The step was cancelled during the last request of the save, so it is not known whether the cache was saved. A later save stores the key if it is missing.',
    );
  });
});
