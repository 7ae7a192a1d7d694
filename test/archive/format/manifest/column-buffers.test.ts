import { expect, test } from 'vitest';
import { NameColumn, NumberColumn } from '../../../../src/archive/format/manifest/column-buffers.ts';
import { ColumnReader, joinColumns } from '../../../../src/archive/format/manifest/columns.ts';

test('a number column grows and keeps numbers of every length', () => {
  const edges = [0, 127, 128, 2 ** 31, 2 ** 49, Number.MAX_SAFE_INTEGER];
  const values = Array.from({ length: 5000 }, (_, index) => edges[index % edges.length]!);
  const column = new NumberColumn(values);
  const signed = new NumberColumn();
  for (const value of [-1, 1, -(2 ** 51), 2 ** 51]) signed.addSigned(value);
  const reader = new ColumnReader(joinColumns([column.toBuffer(), signed.toBuffer()]));
  const [numbers, signedNumbers] = [reader.readNumbers(), reader.readNumbers()];
  expect(values.map(() => numbers.readUnsigned())).toEqual(values);
  const expected = [-1, 1, -(2 ** 51), 2 ** 51];
  expect(expected.map(() => signedNumbers.readSigned())).toEqual(expected);
});

test.each([
  ['no names', [], ''],
  ['UTF-8 names', ['a', 'ü'], 'a\0ü\0'],
  ['a name that is not UTF-8', ['a', '\udcff', 'b'], Buffer.from([97, 0, 0xff, 0, 98, 0])],
  ['two names with half a character each', ['\ud83d', '\ude00'], '\ufffd\0\ufffd\0'],
])('a name column encodes %s', (_, names, expected) => {
  const column = new NameColumn();
  for (const name of names) column.add(name);
  expect(column.toBuffer()).toEqual(Buffer.from(expected as string));
});

test('a name column keeps the order of many names', () => {
  const names = Array.from({ length: 5000 }, (_, index) => `name-${index}`);
  const column = new NameColumn();
  for (const name of names) column.add(name);
  expect(column.toBuffer().toString().slice(0, -1).split('\0')).toEqual(names);
});
