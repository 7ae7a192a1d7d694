/** Checks archives with an independent reader of tar. */

import { deepStrictEqual } from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { zstdDecompressSync } from 'node:zlib';
import { extract, type Header } from 'tar-stream';
import { type Entry, EntryType, type Manifest } from '../../../src/archive/format/entry.ts';
import { type OpenArchive, openArchive } from '../../../src/archive/format/open-archive.ts';
import type { Mtime } from '../../../src/archive/fs/file-times.ts';

const TYPES: Partial<Record<NonNullable<Header['type']>, EntryType>> = {
  file: EntryType.file,
  directory: EntryType.directory,
  symlink: EntryType.symlink,
  link: EntryType.hardLink,
};

/** The fields of an entry that both tar and the manifest have. */
interface Member extends Mtime {
  readonly name: string;
  readonly type: EntryType | undefined;
  readonly mode: number | undefined;
  readonly size: number;
  readonly link: string;
  /** The digest of the data. */
  readonly sha256: string;
}

/**
 * Throws unless tar-stream finds exactly the manifest's entries in the object's tar stream, with their data, in their
 * order. An incremental save also has the members of the earlier ones, of which the last of each name counts; a `full` one
 * must have no others. With `touched`, files may have older attributes in tar: those that they had when their data was packed.
 */
export async function checkTar(object: Buffer, { full = false, touched = false } = {}): Promise<void> {
  const { manifest, manifestStart } = await openWhole(object);
  const raws = [...rawFrames(object, manifest, manifestStart)];
  const found = await membersIn(raws);
  const expected = manifest.entries.map(entry => memberOf(entry, manifest, raws));
  const last = full ? found : lastOf(expected, found);
  const compared = (members: readonly (Member | undefined)[]) =>
    touched ? members.map(withoutAge) : members;
  deepStrictEqual(compared(last), compared(expected));
}

/** Opens an object that is in memory as a whole. */
export function openWhole(object: Buffer): Promise<OpenArchive> {
  const tail = { start: 0, bytes: Uint8Array.from(object) };
  return openArchive(tail, object.length, () => Promise.reject());
}

/** Returns a member without the attributes that a touched file has from an earlier save. */
function withoutAge(member: Member | undefined): Partial<Member> | undefined {
  if (member?.type !== EntryType.file && member?.type !== EntryType.hardLink) return member;
  const { mode: _, mtimeUs: _us, mtimeRestNs: _ns, ...rest } = member;
  return rest;
}

/** Decompresses each frame: Node's one-shot decoder ends after the first. */
export function* rawFrames(object: Buffer, { frames }: Manifest, manifestStart: number): Generator<Buffer> {
  let start = 0;
  for (const { size } of frames) {
    yield zstdDecompressSync(object.subarray(start, start + size));
    start += size;
  }
  yield zstdDecompressSync(object.subarray(start, manifestStart));
}

async function membersIn(raws: readonly Buffer[]): Promise<Member[]> {
  const found: Member[] = [];
  const tar = extract();
  tar.on('entry', (header, stream, next) => {
    const hash = createHash('sha256');
    stream.on('data', chunk => hash.update(chunk as Buffer));
    stream.on('end', () => {
      found.push({
        name: header.name,
        type: TYPES[header.type!],
        mode: header.mode,
        ...mtimeOf(header),
        size: header.size ?? 0,
        link: header.linkname ?? '',
        sha256: hash.digest('hex'),
      });
      next();
    });
  });
  await pipeline(Readable.from(raws), tar);
  return found;
}

function memberOf(entry: Entry, { entries }: Manifest, raws: readonly Buffer[]): Member {
  const { name, type, mode, mtimeUs, mtimeRestNs, size, target, linkTo } = entry;
  const link = linkTo >= 0 ? entries[linkTo]!.name : target;
  const sha256 = dataHash(entry, raws);
  return { name: asUtf8(name), type, mode, mtimeUs, mtimeRestNs, size, link: asUtf8(link), sha256 };
}

/** Returns the digest of the bytes at the place in the manifest. */
function dataHash({ frame, offset, size }: Entry, raws: readonly Buffer[]): string {
  const hash = createHash('sha256');
  let at = offset;
  for (let index = frame, left = size; left > 0; index++, at = 0) {
    const data = raws[index]!.subarray(at, at + left);
    hash.update(data);
    left -= data.length;
  }
  return hash.digest('hex');
}

/**
 * Returns the last member of tar for each name of `expected`. tar-stream returns equal names for some that are not UTF-8: of
 * those an equal member is returned.
 */
function lastOf(expected: readonly Member[], found: readonly Member[]): readonly (Member | undefined)[] {
  const byName = Map.groupBy(found, ({ name }) => name);
  return expected.map(wanted => {
    const candidates = byName.get(wanted.name) ?? [];
    const isAmbiguous = wanted.name.includes('\ufffd');
    return (isAmbiguous && candidates.find(one => isSame(one, wanted))) || candidates.at(-1);
  });
}

function isSame(a: Member, b: Member): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Converts a name as tar-stream does, which returns U+FFFD for bytes that are not UTF-8. */
function asUtf8(name: string): string {
  if (name.isWellFormed()) return name;
  const bytes = [...name].flatMap(character => {
    const unit = character.charCodeAt(0);
    return unit >= 0xdc80 && unit <= 0xdcff ? [unit - 0xdc00] : [...Buffer.from(character)];
  });
  return Buffer.from(bytes).toString('utf8');
}

/** Returns the time in microseconds. Only a pax record has the fraction. */
function mtimeOf(header: Header): Mtime {
  const [seconds, fraction = ''] = (
    (header.pax as Record<string, string> | undefined)?.mtime ?? String(header.mtime!.getTime() / 1000)
  ).split('.');
  const ns = Number(fraction.padEnd(9, '0'));
  return { mtimeUs: Number(seconds) * 1e6 + Math.floor(ns / 1000), mtimeRestNs: ns % 1000 };
}
