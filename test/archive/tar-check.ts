/** An archive as an independent reader of tar sees it. */

import { deepStrictEqual } from 'node:assert/strict';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { zstdDecompressSync } from 'node:zlib';
import { extract, type Header } from 'tar-stream';
import { EntryType, type Manifest } from '../../src/archive/entry.ts';
import { openArchive } from '../../src/archive/open-archive.ts';

const TYPES: Partial<Record<NonNullable<Header['type']>, EntryType>> = {
  file: EntryType.file,
  directory: EntryType.directory,
  symlink: EntryType.symlink,
  link: EntryType.hardLink,
};

/** Throws unless tar-stream finds exactly the manifest's entries in the object's tar stream, in their order. */
export async function checkTar(object: Buffer): Promise<void> {
  const tail = { start: 0, bytes: Uint8Array.from(object) };
  const { manifest, manifestStart } = await openArchive(tail, object.length, () => Promise.reject());
  const found: unknown[] = [];
  const tar = extract();
  tar.on('entry', (header, stream, next) => {
    found.push({
      name: header.name,
      type: TYPES[header.type!],
      mode: header.mode,
      mtimeUs: microseconds(header),
      size: header.size ?? 0,
      link: header.linkname ?? '',
    });
    stream.on('end', next).resume();
  });
  await pipeline(Readable.from(rawFrames(object, manifest, manifestStart)), tar);
  deepStrictEqual(found, expected(manifest));
}

/** Frame by frame: Node's one-shot decoder ends with the first. */
function* rawFrames(object: Buffer, { frames }: Manifest, manifestStart: number): Generator<Buffer> {
  let start = 0;
  for (const { size } of frames) {
    yield zstdDecompressSync(object.subarray(start, start + size));
    start += size;
  }
  yield zstdDecompressSync(object.subarray(start, manifestStart));
}

function expected({ entries }: Manifest): unknown[] {
  return entries.map(({ name, type, mode, mtimeUs, size, target, linkTo }) => {
    const link = linkTo >= 0 ? entries[linkTo]!.name : target;
    return { name: asUtf8(name), type, mode, mtimeUs, size, link: asUtf8(link) };
  });
}

/** tar-stream reads all names as UTF-8: bytes that are not come as U+FFFD. */
function asUtf8(name: string): string {
  if (name.isWellFormed()) return name;
  const bytes = [...name].flatMap(character => {
    const unit = character.charCodeAt(0);
    return unit >= 0xdc80 && unit <= 0xdcff ? [unit - 0xdc00] : [...Buffer.from(character)];
  });
  return Buffer.from(bytes).toString('utf8');
}

/** The fraction stands in a pax record alone. */
function microseconds(header: Header): number {
  const [seconds, fraction = ''] = (
    (header.pax as Record<string, string> | undefined)?.mtime ?? String(header.mtime!.getTime() / 1000)
  ).split('.');
  return Number(seconds) * 1e6 + Number(fraction.padEnd(6, '0'));
}
