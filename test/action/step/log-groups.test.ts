import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { restoreStep } from '../../../src/action/step/restore-step.ts';
import { saveStep } from '../../../src/action/step/save-step.ts';
import { DamagedArchiveError } from '../../../src/archive/archive-errors.ts';
import { PROGRESS_INTERVAL_MS } from '../../../src/report/progress.ts';
import { outcomeOfError, type RestoreOutcome, type SaveOutcome } from '../../../src/storage/outcomes.ts';
import { StoreUnavailableError } from '../../../src/storage/store-errors.ts';
import { noRecords, recordingRunner, scriptedBackend, stepEnv } from '../support.ts';

/** The group of the progress lines of a phase, and the lines after it. */

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const sizes = { sizeBytes: 127_000_000, entries: 1, rawBytes: 127_000_000 };
const hit: RestoreOutcome = { kind: 'hit', source: 's3', key: 'npm-1', exact: true, ...sizes };
const saved: SaveOutcome = { kind: 'saved', source: 's3', ...sizes, reusedBytes: 0 };

/** Returns the lines of a phase that transfers for `ms` and then ends with `outcome`. */
async function phase(
  op: 'restore' | 'save',
  outcome: RestoreOutcome | SaveOutcome,
  ms = PROGRESS_INTERVAL_MS,
) {
  const runner = recordingRunner(stepEnv({}));
  const transfer = async () => {
    const { progress } = backend.opened[0]!.options;
    if (op === 'restore') progress.expect(127_000_000);
    progress.add(63_500_000);
    vi.advanceTimersByTime(ms);
    return outcome as never;
  };
  const backend = scriptedBackend({ [op]: transfer });
  const options = { open: backend.open, records: noRecords, signal: new AbortController().signal };
  if (op === 'restore') await restoreStep(runner, { ...options, keepState: false });
  else await saveStep(runner, { ...options, isAfterRestore: false });
  return runner.lines;
}

const outage = outcomeOfError(new StoreUnavailableError('no answer'), 'github', undefined) as RestoreOutcome;

describe('the group of progress lines of a restore', () => {
  const group = [
    'group: Receiving 127.0 MB',
    'info: Received 63.5 MB of 127.0 MB (50 %), 12.7 MB/s',
    'end of group',
  ];

  test.each([
    ['hit', hit, 'info: Cache restored from key: npm-1'],
    ['miss', { kind: 'miss', diagnosis: undefined }, 'info: Cache not found for input keys: npm-1'],
    [
      'damage',
      {
        ...{ kind: 'miss', diagnosis: undefined },
        rejected: [
          {
            ...{ kind: 'damaged', key: 'npm-1', object: { name: 'o', etag: 'e' } },
            error: new DamagedArchiveError('it is short'),
          },
        ],
      },
      "warning: The object of key 'npm-1' is not used, because it is damaged: it is short.",
    ],
    ['outage', outage, 'warning: no answer. The job continues without the cache.'],
    ['cancellation', { kind: 'cancelled' }, expect.stringMatching(/^warning: Cache not restored: /)],
  ] as [string, RestoreOutcome, string][])(
    'ends before the lines of the outcome (%s)',
    async (_, outcome, next) => {
      const lines = await phase('restore', outcome);
      expect(lines.slice(0, 4)).toEqual([...group, next]);
    },
  );

  test('is not opened in a short restore', async () => {
    const lines = await phase('restore', hit, PROGRESS_INTERVAL_MS - 1);
    expect(lines[0]).toBe('info: Cache restored from key: npm-1');
    expect(lines.join()).not.toContain('group');
  });
});

describe('the group of progress lines of a save', () => {
  const group = ['group: Sending', 'info: Sent 63.5 MB, 12.7 MB/s', 'end of group'];

  test.each([
    ['success', saved, 'info: Cache saved with key: npm-1'],
    ['failure', { kind: 'failed', error: new Error('no room') }, 'warning: Failed to save: no room'],
    [
      'cancellation',
      { kind: 'cancelled', mayBeVisible: false },
      'warning: Cache not saved: the step was cancelled.',
    ],
  ] as [string, SaveOutcome, string][])(
    'ends before the lines of the outcome (%s)',
    async (_, outcome, next) => {
      const lines = await phase('save', outcome);
      expect(lines.slice(0, 4)).toEqual([...group, next]);
    },
  );
});
