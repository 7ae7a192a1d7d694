import { expect, test } from 'vitest';
import { readState, type StepState, writeState } from '../../../src/action/step/state.ts';
import { recordingRunner } from '../support.ts';

const state: StepState = {
  paths: ['node_modules'],
  key: 'npm-1',
  restoreKeys: [],
  finished: true,
  saveAlways: false,
  home: '/home/me',
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

test('a state with the objects of a restore is read too', () => {
  const more = { ...state, damaged: { name: 'o', etag: 'e' }, base: { name: 'o', etag: 'e' } };
  expect(readState({ STATE_CACHE_S3: JSON.stringify(more) })).toEqual(more);
});

test.each(['', '{', 'null', '"npm-1"', '[]', '{"__proto__":{"key":"npm-1"}}'])(
  'the state %j is ignored, since it is none',
  text => {
    expect(readState({ STATE_CACHE_S3: text })).toBeUndefined();
  },
);

test.each([
  'paths',
  'key',
  'restoreKeys',
  'finished',
  'saveAlways',
  'home',
  'target',
  'source',
  'bucketWasDown',
])('a state without %s is ignored', name => {
  expect(readState({ STATE_CACHE_S3: JSON.stringify({ ...state, [name]: undefined }) })).toBeUndefined();
});

test.each([
  { paths: 'node_modules' },
  { paths: [1] },
  { key: ['npm-1'] },
  { restoreKeys: [null] },
  { finished: 'true' },
  { saveAlways: 1 },
  { home: ['/home/me'] },
  { target: [] },
  { target: { bucket: 1 } },
  { source: 'elsewhere' },
  { matchedKey: {} },
  { bucketWasDown: 0 },
  { damaged: { name: 'o' } },
  { damaged: 'o' },
  { base: { name: 'o', etag: null } },
  { base: [] },
])('a state with %j is ignored', more => {
  expect(readState({ STATE_CACHE_S3: JSON.stringify({ ...state, ...more }) })).toBeUndefined();
});

test('a state over 128 KiB is ignored', () => {
  const text = JSON.stringify({ ...state, restoreKeys: ['k'.repeat(128 * 1024)] });
  expect(readState({ STATE_CACHE_S3: text })).toBeUndefined();
});
