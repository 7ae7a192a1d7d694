import { expect, test } from 'vitest';
import { DamagedArchiveError } from '../../../../src/archive/archive-errors.ts';
import { NumberColumn } from '../../../../src/archive/format/manifest/column-buffers.ts';
import { ColumnReader, joinColumns } from '../../../../src/archive/format/manifest/columns.ts';

test('columns keep numbers of every length', () => {
  const unsigned = [0, 1, 127, 128, 16_383, 16_384, 2 ** 31, 2 ** 32, 2 ** 49, Number.MAX_SAFE_INTEGER];
  const signed = [0, -1, 1, -64, 64, -(2 ** 31), 2 ** 51, -(2 ** 51)];
  const column = new NumberColumn();
  for (const value of signed) column.addSigned(value);
  const columns = [new NumberColumn(unsigned).toBuffer(), column.toBuffer(), Buffer.from('bytes')];
  const reader = new ColumnReader(joinColumns([...columns, new NumberColumn([]).toBuffer()]));
  const [numbers, signedNumbers] = [reader.readNumbers(), reader.readNumbers()];
  expect(unsigned.map(() => numbers.readUnsigned())).toEqual(unsigned);
  expect(signed.map(() => signedNumbers.readSigned() + 0)).toEqual(signed);
  for (const column of [numbers, signedNumbers]) column.end();
  expect(reader.readBytes().toString()).toBe('bytes');
  reader.readNumbers().end();
  reader.end();
});

test('a column of many numbers grows', () => {
  const values = Array.from({ length: 5000 }, (_, index) => index * 1_000_003);
  const numbers = new ColumnReader(joinColumns([new NumberColumn(values).toBuffer()])).readNumbers();
  expect(values.map(() => numbers.readUnsigned())).toEqual(values);
});

const column = (...bytes: number[]) => Buffer.from([bytes.length, 0, 0, 0, ...bytes]);

test.each<[string, Buffer, number, string]>([
  ['fewer numbers than wanted', column(1, 2), 3, 'too short'],
  ['more numbers than wanted', column(1, 2, 3), 2, 'too long'],
  ['a number that does not end', column(0x80), 1, 'too short'],
  ['a number over 2^53', column(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f), 1, 'out of range'],
  [
    'a number of too many bytes',
    column(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01),
    1,
    'out of range',
  ],
  ['a length beyond the end of the manifest', Buffer.from([9, 0, 0, 0, 1]), 1, 'cut short'],
  ['a cut length', Buffer.from([1, 0, 0]), 1, 'cut short'],
])('a column with %s is refused', (_, bytes, count, message) => {
  const read = () => {
    const numbers = new ColumnReader(bytes).readNumbers();
    for (let index = 0; index < count; index++) numbers.readUnsigned();
    numbers.end();
  };
  expect(read).toThrow(DamagedArchiveError);
  expect(read).toThrow(message);
});

test('bytes after the last column are refused', () => {
  const reader = new ColumnReader(Buffer.from([0, 0, 0, 0, 7]));
  reader.readBytes();
  expect(() => reader.end()).toThrow('trailing bytes');
});
