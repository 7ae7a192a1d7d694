/** Small objects that claim, or decode to, more than a reader can hold or check in time. All of it follows from the seed. */

import { zstdCompressSync } from 'node:zlib';
import type { SeededRandom } from '../../support/random.ts';
import { HEAD } from '../support/archives.ts';
import { assemble } from '../support/craft.ts';

/** A manifest's columns as bytes: arrays of millions of numbers would take longer than the reader. */
interface RawColumns {
  head: string;
  frames: number;
  entries: number;
  names: Buffer;
  depths: Buffer;
  types: Buffer;
  targets: Buffer;
  /** Of columns that are not given: one zero for each item. */
  sizes?: Buffer;
  links?: Buffer;
}

function objectOf(columns: RawColumns): Buffer {
  const { frames, entries, names, depths, types, targets } = columns;
  const zeros = Buffer.alloc(entries);
  const inOrder = [
    Buffer.from(columns.head),
    Buffer.alloc(frames),
    Buffer.alloc(frames),
    Buffer.alloc(frames * 32),
    names,
    depths,
    types,
    zeros,
    zeros,
    zeros,
    columns.sizes ?? zeros,
    targets,
    columns.links ?? Buffer.alloc(0),
    zeros,
    zeros,
    Buffer.alloc(0),
    Buffer.alloc(0),
  ];
  const pieces = inOrder.flatMap(column => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(column.length);
    return [length, column];
  });
  return assemble([], zstdCompressSync(Buffer.concat(pieces)));
}

const headOf = (frames: number, entries: number, more: object = {}) =>
  JSON.stringify({ ...HEAD, counts: { frames, entries }, ...more });

const NONE = Buffer.alloc(0);

/** Numbers below 128 to 16,383 as two-byte varints. */
function varints(count: number, numberAt: (index: number) => number): Buffer {
  const bytes = Buffer.alloc(2 * count);
  for (let index = 0; index < count; index++) {
    const value = numberAt(index) & 0x3fff;
    bytes[2 * index] = (value & 0x7f) | 0x80;
    bytes[2 * index + 1] = value >> 7;
  }
  return bytes;
}

type Bomb = (random: SeededRandom) => Buffer;

const longName: Bomb = random => {
  const unit = random.pick(['d/', 'nn/', `${'n'.repeat(1000)}/`, '日/', '//', '../', 'd']);
  const bytes = random.pick([4000, 33_000, 1_000_000, 12_000_000]);
  const name = Buffer.from(`./tree/${unit.repeat(Math.ceil(bytes / unit.length))}\0`);
  return objectOf({
    head: headOf(0, 1),
    frames: 0,
    entries: 1,
    names: name,
    depths: Buffer.alloc(1),
    types: Buffer.from([random.pick([0, 1, 2])]),
    targets: random.below(2) === 0 ? NONE : Buffer.alloc(random.pick([10, 40_000, 5_000_000]), 't\0'),
  });
};

const deepDirectories: Bomb = random => {
  const levels = random.pick([500, 2040, 2050, 16_000]);
  const component = 'd'.repeat(random.pick([1, 10, 1000]));
  return objectOf({
    head: headOf(0, levels + 1),
    frames: 0,
    entries: levels + 1,
    names: Buffer.from(`./tree/\0${`${component}/\0`.repeat(levels)}`),
    depths: varints(levels + 1, index => index),
    types: Buffer.alloc(levels + 1, 1),
    targets: NONE,
  });
};

const manyFrames: Bomb = random => {
  const frames = random.pick([1000, 1_000_000, 7_500_000]);
  return objectOf({
    head: headOf(frames, 1),
    frames,
    entries: 1,
    names: Buffer.from('./tree/\0'),
    depths: Buffer.alloc(1),
    types: Buffer.alloc(1, 1),
    targets: NONE,
  });
};

/** Unique names in order, or one name again and again; the last entry has an impossible type. */
const manyEntries: Bomb = random => {
  const entries = random.pick([100_000, 600_000, 1_500_000, 4_000_000]);
  const isUnique = random.below(2) === 0;
  const width = 8;
  const names = Buffer.alloc(8 + (entries - 1) * (width + 1), 'n');
  names.write('./tree/\0', 0, 'latin1');
  for (let index = 1, at = 8; index < entries; index++, at += width + 1) {
    if (isUnique) names.write(String(index).padStart(width, '0'), at, 'latin1');
    names[at + width] = 0;
  }
  const depths = Buffer.alloc(entries, 1);
  depths[0] = 0;
  const types = Buffer.alloc(entries, random.pick([0, 2]));
  types[0] = 1;
  types[entries - 1] = 9;
  const links = types[1] === 2 ? entries - 2 : 0;
  return objectOf({
    head: headOf(0, entries),
    frames: 0,
    entries,
    names,
    depths,
    types,
    targets: Buffer.alloc(2 * links, 't\0'),
  });
};

const manyRoots: Bomb = random => {
  const entries = random.pick([1000, 20_000, 100_000]);
  const levels = random.pick([10, 200, 2000]);
  const rest = `${'d/'.repeat(levels)}x`;
  const most = Math.max(1, Math.min(entries, Math.floor(100_000_000 / (rest.length + 20))));
  const names = Array.from(
    { length: most },
    (_, index) => `./tree/${String(index).padStart(8, '0')}/${rest}\0`,
  );
  return objectOf({
    head: headOf(0, most),
    frames: 0,
    entries: most,
    names: Buffer.from(names.join('')),
    depths: Buffer.alloc(most),
    types: Buffer.alloc(most),
    targets: NONE,
  });
};

const largeHead: Bomb = random => {
  const unit = random.pick(['[],', '{},', '[[],', '"x",', '0,']);
  const more = `${unit.repeat(random.pick([1000, 1_000_000, 20_000_000]))}0`;
  const closing = unit === '[[],' ? ']'.repeat(more.split('[[').length - 1) : '';
  const field = random.pick(['paths', 'more', 'origin', 'deadDirectories']);
  return objectOf({
    head: headOf(0, 0).replace(/}$/, `,"${field}":[${more}${closing}]}`),
    frames: 0,
    entries: 0,
    names: NONE,
    depths: NONE,
    types: NONE,
    targets: NONE,
  });
};

const badText: Bomb = random => {
  const bytes = random.pick([100_000, 20_000_000]);
  const names = Buffer.alloc(bytes, random.pick([0xff, 0xe2, 0xf0, 0x80]));
  for (let at = 1023; at < bytes; at += 1024) names[at] = 0;
  names[bytes - 1] = 0;
  const entries = Math.ceil(bytes / 1024);
  return objectOf({
    head: headOf(0, entries),
    frames: 0,
    entries,
    names,
    depths: Buffer.alloc(entries),
    types: Buffer.alloc(entries),
    targets: NONE,
  });
};

const zeros: Bomb = random =>
  assemble([], zstdCompressSync(Buffer.alloc(random.pick([1, 100, 255, 257]) * 1024 * 1024)));

/** Every kind, so that a short run can take each of them once. */
export const bombs: readonly Bomb[] = [
  longName,
  deepDirectories,
  manyFrames,
  manyEntries,
  manyRoots,
  largeHead,
  badText,
  zeros,
];

/** One of them. */
export function bomb(random: SeededRandom): Buffer {
  return random.pick(bombs)(random);
}
