import { expect, test } from 'vitest';
import type { PartBytes } from '../../../../../src/storage/s3/write/body.ts';
import { PartGatherer } from '../../../../../src/storage/s3/write/multipart/part-gatherer.ts';

/** Returns the parts that these pieces become, as text. */
function gather(partSize: number, pieces: readonly string[]): string[] {
  const gatherer = new PartGatherer(partSize);
  const parts: PartBytes[] = [];
  for (const piece of pieces) {
    gatherer.add(Buffer.from(piece));
    for (let part = gatherer.takeFull(); part; part = gatherer.takeFull()) parts.push(part);
  }
  const rest = gatherer.takeRest();
  if (rest) parts.push(rest);
  for (const part of parts) expect(Buffer.concat(part.pieces)).toHaveLength(part.sizeBytes);
  return parts.map(part => part.pieces.map(piece => Buffer.from(piece).toString()).join('|'));
}

test.each<[string[], string[]]>([
  [[], []],
  [['', ''], []],
  [['abc'], ['abc']],
  [['abcd'], ['abcd']],
  [
    ['abcd', 'e'],
    ['abcd', 'e'],
  ],
  [['ab', 'cd'], ['ab|cd']],
  [
    ['abc', 'def', 'g'],
    ['abc|d', 'ef|g'],
  ],
  [['abcdefghij'], ['abcd', 'efgh', 'ij']],
  [['abcdefgh'], ['abcd', 'efgh']],
  [
    ['a', 'bcdefghi', 'j'],
    ['a|bcd', 'efgh', 'i|j'],
  ],
])('the pieces %j become the parts %j of four bytes', (pieces, parts) => {
  expect(gather(4, pieces)).toEqual(parts);
});

test('the gatherer cuts no part before there is too much for one request', () => {
  const gatherer = new PartGatherer(4, 6);
  gatherer.add(Buffer.from('abcdef'));
  expect(gatherer.takeFull()).toBeUndefined();
  gatherer.add(Buffer.from('gh'));
  expect(gatherer.takeFull()?.sizeBytes).toBe(4);
  expect(gatherer.takeFull()).toBeUndefined();
  gatherer.add(Buffer.from('i'));
  expect(gatherer.takeFull()?.sizeBytes).toBe(4);
  expect(gatherer.takeRest()?.sizeBytes).toBe(1);
});

test('the gatherer cuts parts early for an object that already has parts', () => {
  const gatherer = new PartGatherer(4, 6);
  gatherer.cutEarly();
  gatherer.add(Buffer.from('abcdef'));
  expect(gatherer.takeFull()?.sizeBytes).toBe(4);
  expect(gatherer.takeRest()?.sizeBytes).toBe(2);
});

test('the gatherer copies only the smaller side of a piece across a border, and parts share no memory', () => {
  const gatherer = new PartGatherer(8);
  const [whole, border, later] = [new Uint8Array(6), new Uint8Array(6), new Uint8Array(6)];
  for (const piece of [whole, border, later]) gatherer.add(piece);
  const first = gatherer.takeFull()?.pieces ?? [];
  const second = gatherer.takeFull()?.pieces ?? [];
  const third = gatherer.takeRest()?.pieces ?? [];
  expect(first.map(piece => piece.buffer === whole.buffer)).toEqual([true, false]);
  expect(second.map(piece => piece.buffer === border.buffer)).toEqual([true, false]);
  expect(third.map(({ length }) => length)).toEqual([2]);
  const memories = [...first, ...second, ...third].map(({ buffer }) => buffer);
  expect(new Set(memories).size).toBe(memories.length);
});

test('parts grow after three thousand, so that ten thousand hold a terabyte', () => {
  const gatherer = new PartGatherer(1);
  const sizes: number[] = [];
  for (let written = 0; written < 16_000; written++) {
    gatherer.add(Buffer.from('x'));
    for (let part = gatherer.takeFull(); part; part = gatherer.takeFull()) sizes.push(part.sizeBytes);
  }
  expect(new Set(sizes.slice(0, 3000))).toEqual(new Set([1]));
  expect(new Set(sizes.slice(3000, 6000))).toEqual(new Set([4]));
  expect(sizes[6000]).toBe(16);
});
