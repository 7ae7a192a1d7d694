import { describe, expect, test } from 'vitest';
import { StoreUnavailableError } from '../../../../src/storage/store-errors.ts';
import { type ScriptedAnswer, scriptedServer } from '../scripted-server.ts';

const found: ScriptedAnswer = { headers: { etag: '"e"', 'content-length': '3' } };
const busy: ScriptedAnswer = { status: 503 };

/** A store whose bucket was down before. It returns these answers one after the other, the last for ever. */
async function storeThatWasDown(...answers: (ScriptedAnswer | 'reset')[]) {
  const left = [...answers];
  const { store, operations } = await scriptedServer(
    () => (left.length > 1 ? left.shift() : left[0]) ?? 'reset',
  );
  return { store: store({}, { bucketWasDown: true }), operations };
}

describe('a bucket that was down in an earlier step', () => {
  test.each([
    ['503', busy],
    ['a reset', 'reset'],
  ] as const)('gets one request while it is still down (%s)', async (_, answer) => {
    const { store, operations } = await storeThatWasDown(answer);
    await expect(store.head('x')).rejects.toThrow(StoreUnavailableError);
    expect(operations).toEqual(['HeadObject']);
    await expect(store.head('x')).rejects.toThrow('no further request was sent');
    expect(operations).toHaveLength(1);
  });

  test('gets the usual attempts after one call has succeeded', async () => {
    const { store } = await storeThatWasDown(found, busy, 'reset', found);
    await store.head('x');
    expect(await store.head('x')).toMatchObject({ etag: 'e' });
    expect(store.counters).toEqual({ requests: 4, retries: 2 });
  });
});
