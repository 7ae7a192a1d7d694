/** Forged objects, and the proof that a restore of them is refused with nothing changed. */

import { join } from 'node:path';
import { expect } from 'vitest';
import { DamagedArchiveError } from '../../../src/archive/archive-errors.ts';
import { scratch } from '../../support/scratch.ts';
import { buildTree, describeTree } from '../../support/tree.ts';
import { layoutIn, restoreBytes } from './archives.ts';
import { type ForgedEntry, type Forgery, forge, writeForgery } from './craft.ts';

/** The directory that steps of these tests name, and what is in it. */
export const tree = (...below: ForgedEntry[]): ForgedEntry[] => [
  { name: './tree/', mode: 0o755 },
  ...below.map(entry => ({ depth: 1, ...entry })),
];

/**
 * Tries to restore an object into a populated tree. Expects it to be refused with nothing changed anywhere, and, unless
 * only the data shows that it is forged, before any data is read.
 */
export async function refuses(
  object: Buffer,
  message: string | RegExp,
  { seenInData = false, patterns = ['tree'], kind = DamagedArchiveError as new () => Error } = {},
): Promise<void> {
  const root = await buildTree(scratch(), {
    'work/tree/present': { content: 'p', mtime: 1_500_000_000_000_000 },
    'work/tree/sub/x': 'x',
    outside: 'o',
  });
  const before = await describeTree(root, { root: true });
  // The row of data frames ends where the manifest begins
  const dataEnd = Math.max(0, object.lastIndexOf('CS3M') - 8);
  const reads: { start: number; end: number }[] = [];
  const attempt = restoreBytes(object, layoutIn(join(root, 'work'), patterns), {
    // So that data cannot come along with the manifest
    tailBytes: 17,
    onRead: (start, end) => reads.push({ start, end }),
  });
  await expect(attempt).rejects.toThrow(kind);
  await expect(attempt).rejects.toThrow(message);
  expect(await describeTree(root, { root: true })).toEqual(before);
  if (!seenInData) expect(reads.filter(({ start, end }) => start < dataEnd && end > 0)).toEqual([]);
}

/** An object that is sound but for what `bend` does to it. */
export function bent(entries: readonly ForgedEntry[], bend: (forgery: Forgery) => void = () => {}): Buffer {
  const forgery = forge(entries);
  bend(forgery);
  return writeForgery(forgery);
}

/** So large that data and manifest never come with one read. */
export const data = Buffer.from(
  Array.from({ length: 3000 }, (_, index) => `line ${index * 7919}\n`).join(''),
);
