import { expect, test } from 'vitest';
import { readTable, TableWriter } from '../../../src/archive/messages/table.ts';

test('a worker reads the rows of numbers and texts that the main thread wrote into a table', () => {
  const writer = new TableWriter<[mode: number, size: number], [name: string, target: string]>(2);
  writer.add([0o4755, 2 ** 52 - 1], ['a', '']);
  writer.add([-1, 0.5], ['', '../b']);
  const rows = Array.from(readTable(structuredClone(writer.finish())), row => row.map(part => [...part]));
  expect(rows).toEqual([
    [
      [0o4755, 2 ** 52 - 1],
      ['a', ''],
    ],
    [
      [-1, 0.5],
      ['', '../b'],
    ],
  ]);
});

test('a table without rows is read as one', () => {
  expect([...readTable(new TableWriter<[number], [string]>(0).finish())]).toEqual([]);
});
