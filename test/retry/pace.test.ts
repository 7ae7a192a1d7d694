import { expect, test } from 'vitest';
import { Pace, type RateRefusal, retryAfterMs } from '../../src/retry/pace.ts';
import { FakeClock } from './fake-clock.ts';

function scene() {
  const clock = new FakeClock();
  const pace = new Pace(clock);
  const refuse = (refusal: Partial<RateRefusal> = {}) =>
    pace.noteRefused({ begunMs: clock.now(), isAlone: true, isCertain: true, waitMs: undefined, ...refusal });
  /** Returns the times at which so many requests begin that want to begin now. */
  const begins = async (count: number) => {
    const times: number[] = [];
    const from = clock.now();
    const turns = Array.from({ length: count }, async () => {
      await pace.wait(undefined);
      times.push(clock.now() - from);
    });
    for (let step = 0; step < 2000; step++) await clock.advance(10);
    await Promise.all(turns);
    return times;
  };
  return { clock, pace, refuse, begins };
}

test('requests begin at once before a refusal', async () => {
  expect(await scene().begins(5)).toEqual([0, 0, 0, 0, 0]);
});

test('requests begin apart after a refusal, and further apart after another one', async () => {
  const { refuse, begins } = scene();
  refuse();
  expect(await begins(3)).toEqual([250, 500, 750]);
  refuse();
  expect(await begins(3)).toEqual([500, 1000, 1500]);
});

test('refusals of requests that were in flight together lower the rate once', async () => {
  const { clock, refuse, begins } = scene();
  const begunMs = clock.now();
  await clock.advance(10);
  for (let index = 0; index < 5; index++) refuse({ begunMs });
  expect(await begins(2)).toEqual([250, 500]);
});

test('the rate rises again after requests that were accepted', async () => {
  const { pace, refuse, begins } = scene();
  refuse();
  for (let index = 0; index < 16 * 4; index++) pace.noteAccepted();
  await begins(1);
  expect(await begins(3)).toEqual([0, 0, 0]);
});

test('a wait that the server requests is kept, up to 20 s', async () => {
  const { refuse, begins } = scene();
  refuse({ waitMs: 3000 });
  expect(await begins(1)).toEqual([3000]);
});

test('a 503 lowers the rate only if it may be one of a rate limit', async () => {
  const { pace, refuse, begins } = scene();
  // All are refused: the server is down
  refuse({ isCertain: false });
  expect(await begins(2)).toEqual([0, 0]);
  pace.noteAccepted();
  // Others were in flight: there are too many at once
  refuse({ isCertain: false, isAlone: false });
  expect(await begins(2)).toEqual([0, 0]);
  refuse({ isCertain: false });
  expect(await begins(2)).toEqual([250, 500]);
});

test('a signal ends the wait for a turn', async () => {
  const { pace, refuse } = scene();
  refuse();
  await expect(pace.wait(AbortSignal.abort(new Error('cancelled')))).rejects.toThrow('cancelled');
});

test.each([
  ['5', 5000],
  ['0', 0],
  ['3600', 20_000],
  ['Thu, 01 Jan 1970 01:00:00 GMT', 20_000],
  ['Thu, 01 Jan 1970 00:00:07 GMT', 7000],
  ['Thu, 01 Jan 1969 00:00:07 GMT', 0],
  ['soon', undefined],
  ['-5', undefined],
  [undefined, undefined],
])('the header Retry-After: %s means %s ms', (value, ms) => {
  expect(retryAfterMs(value, 0)).toBe(ms);
});
