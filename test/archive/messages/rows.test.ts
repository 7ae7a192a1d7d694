import { expect, test } from 'vitest';
import { ATTRIBUTES, columns, readAttributes, writeAttributes } from '../../../src/archive/messages/rows.ts';

test('columns are numbered in their order, and a row has the width of all', () => {
  expect(columns('type', 'size')).toEqual({ type: 0, size: 1, width: 2 });
});

test('the attributes of a row are read as they were written, and no other column is changed', () => {
  const Column = columns('size', ...ATTRIBUTES);
  const rows = new Float64Array(2 * Column.width).fill(7);
  const attributes = { mode: 0o4755, mtimeUs: 2 ** 52 - 1, mtimeRestNs: 999, uid: -1, gid: 1000 };
  writeAttributes(rows, Column.width + Column.mode, attributes);
  expect(readAttributes(rows, Column.width + Column.mode)).toEqual(attributes);
  expect([...rows.subarray(0, Column.width + 1)].every(value => value === 7)).toBe(true);
});
