import { expect, test } from 'vitest';
import { parseInputs } from '../../../src/action/inputs/inputs.ts';
import { closePhase } from '../../../src/action/step/phase.ts';
import { inputVariables } from '../../support/runner/process/step-variables.ts';
import { recordingRunner } from '../support.ts';

const saved = {
  op: 'save',
  source: 's3',
  result: 'saved',
  sizeBytes: 1000,
  rawBytes: 2000,
  entries: 3,
} as const;
const inputs = parseInputs(inputVariables({ key: 'k<1>', path: 'a', summary: 'true' }));

test('the duration of a phase counts from its start', async () => {
  const runner = recordingRunner({});
  // The clock began with this process: a thousand seconds before that
  await closePhase(runner, { startedMs: -1_000_000, inputs }, saved);
  expect(runner.lines.at(-1)).toMatch(/ result=saved bytes=1000 ms=1\d{6} requests=0 retries=0$/);
});

test('the keys are in the job summary, if the step requests one', async () => {
  const runner = recordingRunner({});
  await closePhase(runner, { startedMs: 0, inputs: { ...inputs, summary: false } }, saved);
  expect(runner.summaries).toEqual([]);
  await closePhase(runner, { startedMs: 0, inputs }, saved, 'k<');
  expect(runner.summaries[0]?.slice(0, 2)).toEqual([
    ['Key', 'k<1>'],
    ['Matched key', 'k<'],
  ]);
});
