/** Objects that are wrong in one to four places, in whatever place chance picks. All of it follows from the seed. */

import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { SeededRandom } from '../../support/random.ts';
import {
  assemble,
  type ForgedEntry,
  type Forgery,
  forge,
  type ManifestColumns,
  manifestBytes,
  sha256Of,
  writeForgery,
} from '../support/craft.ts';
import { bomb } from './bombs.ts';

/** Numbers at which something may break. */
const NUMBERS = [
  0,
  1,
  2,
  3,
  4,
  5,
  127,
  128,
  255,
  511,
  512,
  513,
  1024,
  4096,
  0o777,
  0o7777,
  0o10000,
  65_535,
  65_536,
  2 ** 20,
  2 ** 26,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 40,
  2 ** 51,
  2 ** 52,
  2 ** 53 - 1,
];

/** Names that lead somewhere else, or to something that is there. `root` is the directory of the test. */
const names = (root: string): (string | Buffer)[] => [
  '..',
  '.',
  '',
  '/',
  '//',
  '../',
  './',
  '../../outside/x',
  `${root}/outside/x`,
  `${root}/outside/`,
  '/etc/cache-s3-fuzz',
  './tree',
  './tree/',
  './tree/../../outside/x',
  './tree/link/x',
  './treasure',
  '~/x',
  '~/../outside/x',
  'a',
  'a/',
  'a\0b',
  'a/b',
  'link',
  'link/',
  'file',
  'file/',
  'directory',
  'directory/',
  'sealed/',
  '.cache-s3-x',
  '.cache-s3-x/',
  '-rf',
  'new\nline',
  'n'.repeat(255),
  'n'.repeat(256),
  'n'.repeat(5000),
  Buffer.from([0xff]),
  Buffer.from([0xed, 0xa0, 0x80]),
  'CON',
  'x:y',
  'x\\y',
];

const targets = (root: string) => [
  '..',
  '/',
  '/etc/passwd',
  `${root}/outside`,
  '../../outside',
  'file',
  '',
  't'.repeat(5000),
];

/** Each of these takes up to some seconds to make and to refuse. */
const BOMB_EVERY = 50;

/** One object. Most are refused; those that are not must stay inside the step's paths. */
export function mutant(seed: number, root: string): Buffer {
  const random = new SeededRandom(seed);
  if (seed % BOMB_EVERY === 0) return bomb(random);
  const forgery = soundForgery(random, root);
  const ways = [bendColumns, bendColumns, bendManifestBytes, bendObjectBytes, bendFrames];
  return random.pick(ways)(random, forgery, root);
}

type Way = (random: SeededRandom, forgery: Forgery, root: string) => Buffer;

function times(random: SeededRandom, act: () => void): void {
  for (let left = 1 + random.below(4); left > 0; left--) act();
}

/** A few entries of all kinds, in order, some under the names of what is there. */
function soundForgery(random: SeededRandom, root: string): Forgery {
  const children: ForgedEntry[] = [];
  const own = ['a', 'b', 'c', 'directory', 'file', 'link', 'm', 'sealed', 'z'];
  for (const name of own) {
    if (random.below(3) === 0) continue;
    const kind = random.below(5);
    const data = Buffer.alloc(1 + random.below(3000), name);
    if (kind <= 1) children.push({ name, depth: 1, data });
    else if (kind === 2)
      children.push({ name: `${name}/`, depth: 1, mode: 0o755 }, { name: 'inner', depth: 2, data });
    else if (kind === 3) children.push({ name, depth: 1, target: random.pick(targets(root).slice(0, 6)) });
    else children.push({ name, depth: 1 });
  }
  const file = children.findIndex(({ data }) => data !== undefined);
  if (file >= 0 && children[file]!.depth === 1)
    children.push({ name: 'zz', depth: 1, linkDistance: children.length - file });
  return forge([{ name: './tree/', mode: 0o755 }, ...children]);
}

const NUMERIC = [
  'frameSizes',
  'frameRawSizes',
  'depths',
  'types',
  'modes',
  'mtimes',
  'mtimeRests',
  'sizes',
  'linkDistances',
  'uids',
  'gids',
  'dataFrames',
  'offsetResiduals',
] as const satisfies readonly (keyof ManifestColumns)[];

const bendColumns: Way = (random, forgery, root) => {
  const { columns } = forgery;
  times(random, () => {
    const way = random.below(8);
    if (way <= 3) bendNumber(random, columns[random.pick(NUMERIC)]);
    else if (way <= 5) replaceOne(random, columns.names, random.pick(names(root)));
    else if (way === 6) replaceOne(random, columns.targets, random.pick(targets(root)));
    else
      columns.head[random.pick(Object.keys(columns.head))] = random.pick([null, '', -1, [], {}, 'x', 1e308]);
  });
  columns.types = columns.types.map(type => type & 0xff);
  return writeForgery(forgery);
};

function bendNumber(random: SeededRandom, column: number[]): void {
  const at = random.below(column.length + 1);
  const sign = random.below(4) === 0 ? -1 : 1;
  // Zigzag doubles: a signed column has half the room
  const value = sign * Math.min(random.pick(NUMBERS), 2 ** 51);
  const way = random.below(5);
  if (way === 0) column.splice(at, 1);
  else if (way === 1) column.splice(at, 0, Math.abs(value));
  else if (column.length > 0) {
    const index = at % column.length;
    const moved = column[index]! + random.pick([-512, -1, 1, 512]);
    column[index] = way === 2 ? Math.max(0, moved) : Math.abs(value);
  }
}

function replaceOne<T>(random: SeededRandom, items: T[], value: T): void {
  const at = random.below(items.length + 1);
  if (random.below(4) === 0) items.splice(at, 0, value);
  else items.splice(at, 1, value);
}

const bendManifestBytes: Way = (random, { frames, columns }) => {
  let manifest: Buffer = manifestBytes(columns);
  times(random, () => {
    manifest = bendBytes(random, manifest);
  });
  return assemble(frames, zstdCompressSync(manifest), random.below(20) === 0 ? random.below(300) : 2);
};

const bendObjectBytes: Way = (random, forgery) => {
  let object: Buffer = writeForgery(forgery);
  times(random, () => {
    // The end is where the reader begins
    const start = random.below(2) === 0 ? 0 : Math.max(0, object.length - 60);
    object = Buffer.concat([object.subarray(0, start), bendBytes(random, object.subarray(start))]);
  });
  return object;
};

/** Frames that differ from their manifest, with correct hashes. */
const bendFrames: Way = (random, forgery) => {
  const { columns } = forgery;
  forgery.frames = forgery.frames.map(frame => {
    const raw = zstdDecompressSync(frame);
    const way = random.below(6);
    if (way === 0) return zstdCompressSync(Buffer.alloc(8 * 1024 * 1024));
    if (way === 1)
      return Buffer.concat([zstdCompressSync(raw.subarray(0, 512)), zstdCompressSync(raw.subarray(512))]);
    if (way === 2) return Buffer.concat([Buffer.from('502a4d1804000000', 'hex'), Buffer.alloc(4), frame]);
    if (way === 3) return bendBytes(random, frame);
    if (way === 4) return zstdCompressSync(bendBytes(random, raw));
    return Buffer.concat([frame, frame]);
  });
  columns.frameSizes = forgery.frames.map(({ length }) => length);
  columns.hashes = Buffer.concat(forgery.frames.map(sha256Of));
  if (random.below(3) === 0) bendNumber(random, columns.frameRawSizes);
  return writeForgery(forgery);
};

function bendBytes(random: SeededRandom, bytes: Buffer): Buffer {
  if (bytes.length === 0) return Buffer.from([random.below(256)]);
  const at = random.below(bytes.length);
  const length = 1 + random.below(16);
  const rest = bytes.subarray(at + length);
  const way = random.below(6);
  if (way === 0) return Buffer.concat([bytes.subarray(0, at), rest]);
  if (way === 1) return bytes.subarray(0, at);
  if (way === 2) return Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]);
  const bent = Buffer.from(bytes);
  if (way === 3) bent[at]! ^= 1 << random.below(8);
  else if (way === 4 && at + 4 <= bent.length) bent.writeUInt32LE(random.pick(NUMBERS) % 2 ** 32, at);
  else bent.fill(random.below(256), at, Math.min(at + length, bent.length));
  return bent;
}
