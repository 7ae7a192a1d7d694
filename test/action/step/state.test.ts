import { expect, test } from 'vitest';
import { readState, type StepState, writeState } from '../../../src/action/step/state.ts';
import { recordingRunner } from '../support.ts';

const state: StepState = {
  paths: ['node_modules'],
  key: 'npm-1',
  restoreKeys: [],
  finished: true,
  saveAlways: false,
  target: { bucket: 'ci' },
  source: 's3',
  matchedKey: 'npm-1',
  bucketWasDown: false,
};

test('the post phase reads the state that the main phase wrote', () => {
  const runner = recordingRunner({});
  writeState(runner, state);
  expect(readState({ STATE_CACHE_S3: runner.states[0] })).toEqual(state);
});

test.each(['', '{', 'null', '"npm-1"', ...(['key', 'paths', 'restoreKeys', 'target'] as const).map(without)])(
  'an incomplete state is ignored: %s',
  text => {
    expect(readState({ STATE_CACHE_S3: text })).toBeUndefined();
  },
);

function without(field: keyof StepState): string {
  return JSON.stringify({ ...state, [field]: undefined });
}
