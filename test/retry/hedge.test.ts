import { beforeEach, expect, test } from 'vitest';
import { hedge } from '../../src/retry/hedge.ts';
import { FakeClock } from './fake-clock.ts';

let clock: FakeClock;
let calls: (PromiseWithResolvers<string> & { readonly signal: AbortSignal })[];
const cancel = new AbortController();

beforeEach(() => {
  clock = new FakeClock();
  calls = [];
});

function run(): Promise<string> {
  const attempt = (signal: AbortSignal) => {
    calls.push({ ...Promise.withResolvers<string>(), signal });
    return calls.at(-1)!.promise;
  };
  return hedge(attempt, { afterMs: 3000, clock, signal: cancel.signal });
}

test('a call that settles in time is the only one, and leaves no timer', async () => {
  const [success, failure] = [run(), run()];
  await clock.advance(2999);
  calls[0]!.resolve('one');
  calls[1]!.reject(new Error('refused'));
  expect(await success).toBe('one');
  await expect(failure).rejects.toThrow('refused');
  await clock.advance(10_000);
  expect([calls.length, clock.waiting]).toEqual([2, 0]);
});

test.each([0, 1])('of a call that is late and the second one, number %i can win', async winner => {
  const result = run();
  await clock.advance(3000);
  expect(calls).toHaveLength(2);
  expect(calls[0]!.signal.aborted).toBe(false);
  calls[winner]!.resolve('won');
  expect(await result).toBe('won');
  expect(calls[1 - winner]!.signal.aborted).toBe(true);
  // Its failure after the end is no unhandled rejection
  calls[1 - winner]!.reject(new Error('aborted'));
  await clock.advance(0);
});

test('the first call gives the reason if both fail, after the second has ended', async () => {
  const result = run();
  let hasEnded = false;
  result.catch(() => {
    hasEnded = true;
  });
  await clock.advance(3000);
  calls[0]!.reject(new Error('first'));
  await clock.advance(0);
  expect(hasEnded).toBe(false);
  calls[1]!.reject(new Error('second'));
  await expect(result).rejects.toThrow('first');
});

test('both calls end with the signal', async () => {
  const abort = new AbortController();
  const signals: AbortSignal[] = [];
  const attempt = (signal: AbortSignal) => {
    signals.push(signal);
    return new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  };
  const result = hedge(attempt, { afterMs: 3000, clock, signal: abort.signal });
  result.catch(() => {});
  await clock.advance(3000);
  abort.abort(new Error('cancelled'));
  await expect(result).rejects.toThrow('cancelled');
  expect(signals).toHaveLength(2);
});
