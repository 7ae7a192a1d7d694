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

test('a key with line breaks is one line of HTML in the job summary', async () => {
  const runner = recordingRunner({});
  const keys = { primaryKey: 'k\n\n# heading\n</table>', matchedKey: '\u2028x' };
  await closePhase(runner, saved, { ...rest, keys, startedMs: 0 });
  expect(runner.summaries[0]?.slice(0, 2)).toEqual([
    ['Key', 'k\\n\\n# heading\\n&#60;/table&#62;'],
    ['Matched key', '\\u2028x'],
  ]);
});

test('markup in a key is escaped in the job summary', async () => {
  const runner = recordingRunner({});
  await closePhase(runner, saved, { ...rest, startedMs: 0 });
  expect(runner.summaries[0]?.[0]).toEqual(['Key', 'k&#60;1&#62;']);
});

test('a job summary that cannot be written is a warning', async () => {
  const runner = recordingRunner({});
  const addSummary = () => Promise.reject(new Error('EACCES'));
  await closePhase({ ...runner, addSummary }, saved, { ...rest, startedMs: 0 });
  expect(runner.lines.at(-1)).toBe('warning: The job summary could not be written: EACCES');
});
