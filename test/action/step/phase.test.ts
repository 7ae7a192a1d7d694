import { expect, test } from 'vitest';
import { closePhase } from '../../../src/action/step/phase.ts';
import { recordingRunner } from '../support.ts';

const saved = { op: 'save', source: 's3', result: 'saved', bytes: 1000, rawBytes: 2000, entries: 3 } as const;
const rest = { backend: undefined, keys: { primaryKey: 'k<1>', matchedKey: undefined }, summary: true };

test('the duration of a phase counts from its start', async () => {
  const runner = recordingRunner({});
  // The clock began with this process: a thousand seconds before that
  await closePhase(runner, saved, { ...rest, startedMs: -1_000_000 });
  expect(runner.lines.at(-1)).toMatch(/ result=saved bytes=1000 ms=1\d{6} requests=0 retries=0$/);
});

test('the keys are in the job summary, if the step requests one', async () => {
  const runner = recordingRunner({});
  await closePhase(runner, saved, { ...rest, startedMs: 0, summary: false });
  expect(runner.summaries).toEqual([]);
  await closePhase(runner, saved, { ...rest, startedMs: 0 });
  expect(runner.summaries[0]?.[0]).toEqual(['Key', 'k<1>']);
});
