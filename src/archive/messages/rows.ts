/** Rows of numbers in a message: it takes less time to clone one array than an object for each row. */

import type { Attributes } from '../fs/attributes.ts';

/** Numbers the columns of a row in their order. `width` is their count. */
export function columns<const Name extends string>(
  ...names: readonly Name[]
): Readonly<Record<Name | 'width', number>> {
  const numbered = [...names, 'width'].map((name, index) => [name, index]);
  return Object.fromEntries(numbered) as Record<Name | 'width', number>;
}

/** Columns of attributes, the first of which is `mode`. */
export const ATTRIBUTES = ['mode', 'mtimeUs', 'mtimeRestNs', 'uid', 'gid'] as const;

/** Writes attributes to columns from index `at` on. */
export function writeAttributes(rows: Float64Array, at: number, attributes: Attributes): void {
  rows[at] = attributes.mode;
  rows[at + 1] = attributes.mtimeUs;
  rows[at + 2] = attributes.mtimeRestNs;
  rows[at + 3] = attributes.uid;
  rows[at + 4] = attributes.gid;
}

/** Reads attributes from columns from index `at` on. */
export function readAttributes(rows: Float64Array, at: number): Attributes {
  return {
    mode: rows[at]!,
    mtimeUs: rows[at + 1]!,
    mtimeRestNs: rows[at + 2]!,
    uid: rows[at + 3]!,
    gid: rows[at + 4]!,
  };
}
