import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import { forEachAtOnce, forEachWithin, mapInOrder } from '../../../src/archive/pool/in-flight.ts';
import { collect } from '../../support/collect.ts';

describe('forEachWithin', () => {
  test('keeps to the limit and the budget', async () => {
    let running = 0;
    let weight = 0;
    const seen: { running: number; weight: number }[] = [];
    const weigh = (item: number) => item;
    await forEachWithin([5, 5, 5, 1, 1, 1, 1, 9], { limit: 3, budget: 10, weigh }, async item => {
      running++;
      weight += item;
      seen.push({ running, weight });
      await wait(2);
      running--;
      weight -= item;
    });
    expect(Math.max(...seen.map(({ running }) => running))).toBe(3);
    expect(Math.max(...seen.map(({ weight }) => weight))).toBeLessThanOrEqual(10);
    expect(seen.length).toBe(8);
  });

  test('runs an item over the budget alone', async () => {
    let running = 0;
    const alone: boolean[] = [];
    await forEachWithin([1, 99, 1], { limit: 3, budget: 10, weigh: item => item }, async item => {
      running++;
      await wait(1);
      if (item === 99) alone.push(running === 1);
      running--;
    });
    expect(alone).toEqual([true]);
  });

  test('starts nothing after a failure, and rejects when all work has ended', async () => {
    const begun: number[] = [];
    let ended = 0;
    const work = async (item: number) => {
      begun.push(item);
      await wait(item === 1 ? 1 : 10);
      ended++;
      if (item === 1) throw new Error('one');
    };
    const items = Array.from({ length: 50 }, (_, index) => index);
    await expect(forEachWithin(items, { limit: 4, budget: 100, weigh: () => 1 }, work)).rejects.toThrow(
      'one',
    );
    expect(begun.length).toBeLessThan(10);
    expect(ended).toBe(begun.length);
  });

  test('calls onFailure once, at the first failure', async () => {
    const stop = new AbortController();
    const failures: unknown[] = [];
    const onFailure = (error: unknown) => {
      failures.push(error);
      stop.abort(new Error('stopped'));
    };
    const work = async (item: number) => {
      if (item === 1) throw new Error('one');
      // Ends by being stopped, or never
      await new Promise((_, reject) => {
        stop.signal.addEventListener('abort', () => reject(stop.signal.reason));
      });
    };
    const limits = { limit: 4, budget: 100, weigh: () => 1, onFailure };
    await expect(forEachWithin([0, 1, 2, 3], limits, work)).rejects.toThrow('one');
    expect(failures).toEqual([new Error('one')]);
  });

  test('resolves for no items', async () => {
    await forEachWithin([], { limit: 1, budget: 1, weigh: () => 1 }, () => Promise.reject());
  });
});

describe('mapInOrder', () => {
  test('yields results in the order of the items, within the limit', async () => {
    let running = 0;
    let most = 0;
    const work = async (item: number) => {
      most = Math.max(most, ++running);
      await wait(item % 3 === 0 ? 4 : 1);
      running--;
      return item * 10;
    };
    const items = Array.from({ length: 20 }, (_, index) => index);
    const results = await collect(mapInOrder(items, 4, work));
    expect(results).toEqual(items.map(item => item * 10));
    expect(most).toBe(4);
  });

  test('takes an item from the source only when it starts to work on it', async () => {
    let drawn = 0;
    function* source() {
      for (;;) yield drawn++;
    }
    for await (const item of mapInOrder(source(), 3, async item => item)) {
      if (item === 5) break;
    }
    expect(drawn).toBeLessThanOrEqual(8);
  });

  test('rejects with a failure in its turn, and leaves no rejection unhandled', async () => {
    const work = async (item: number) => {
      if (item === 0) await wait(20);
      if (item > 0) throw new Error(`item ${item}`);
      return item;
    };
    const results: number[] = [];
    const drain = async () => {
      for await (const result of mapInOrder([0, 1, 2, 3], 4, work)) results.push(result);
    };
    await expect(drain()).rejects.toThrow('item 1');
    expect(results).toEqual([0]);
    await wait(5);
  });

  test('takes no item after a failure', async () => {
    let drawn = 0;
    async function* source() {
      for (; drawn < 9; drawn++) {
        yield drawn;
        await wait(1);
      }
    }
    const results: number[] = [];
    const work = async (item: number) => (item === 1 ? Promise.reject(new Error('item 1')) : item);
    const drain = async () => {
      for await (const result of mapInOrder(source(), 9, work)) results.push(result);
    };
    await expect(drain()).rejects.toThrow('item 1');
    expect(results).toEqual([0]);
    expect(drawn).toBe(2);
  });

  test('accepts an asynchronous source', async () => {
    async function* source() {
      for (const item of [0, 1, 2]) {
        await wait(1);
        yield item;
      }
    }
    expect(await collect(mapInOrder(source(), 2, async item => item))).toEqual([0, 1, 2]);
  });

  test('rejects when the source fails', async () => {
    function* source() {
      yield 1;
      throw new Error('the source');
    }
    await expect(collect(mapInOrder(source(), 4, async item => item))).rejects.toThrow('the source');
  });
});

describe('forEachAtOnce', () => {
  test('begins all items in their order, lets others run after each, and waits for all', async () => {
    const log: string[] = [];
    const work = async (item: number) => {
      log.push(`begin ${item}`);
      setImmediate(() => log.push(`turn after ${item}`));
      // Not a timer, which a busy host may fire before the turn
      for (let turns = item === 1 ? 20 : 5; turns > 0; turns--) await nextTurn();
      log.push(`end ${item}`);
    };
    await forEachAtOnce([1, 2], undefined, work);
    expect(log).toEqual(['begin 1', 'turn after 1', 'begin 2', 'turn after 2', 'end 2', 'end 1']);
  });

  test('rejects with the first failure, after it has begun all items', async () => {
    const begun: number[] = [];
    const work = async (item: number) => {
      begun.push(item);
      throw new Error(String(item));
    };
    await expect(forEachAtOnce([1, 2], undefined, work)).rejects.toThrow('1');
    expect(begun).toEqual([1, 2]);
  });

  test('begins no further item after an abort, and rejects with its reason', async () => {
    const stop = new AbortController();
    const begun: number[] = [];
    const work = async (item: number) => {
      begun.push(item);
      stop.abort(new Error('stopped'));
      throw new Error('ignored');
    };
    await expect(forEachAtOnce([1, 2], stop.signal, work)).rejects.toThrow('stopped');
    expect(begun).toEqual([1]);
  });

  test('rejects with the reason of an abort although work that has begun never ends', async () => {
    const stop = new AbortController();
    const begun: number[] = [];
    const work = (item: number) => {
      begun.push(item);
      return new Promise<void>(() => {});
    };
    const all = forEachAtOnce([1, 2], stop.signal, work);
    await vi.waitFor(() => expect(begun).toEqual([1, 2]));
    stop.abort(new Error('stopped'));
    await expect(all).rejects.toThrow('stopped');
  });
});
