import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { mapInOrder } from '../../../src/command/subcommands/map-in-order.ts';
import { collect } from '../../support/collect.ts';

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
