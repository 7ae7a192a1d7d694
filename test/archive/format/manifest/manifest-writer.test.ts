import { zstdDecompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { SourceTreeError } from '../../../../src/archive/archive-errors.ts';
import { EntryType } from '../../../../src/archive/format/entry.ts';
import { MAX_HEAD_BYTES, MAX_NAME_BYTES_IN_ALL } from '../../../../src/archive/format/limits.ts';
import { ManifestWriter } from '../../../../src/archive/format/manifest/manifest-writer.ts';
import { scratch } from '../../../support/scratch.ts';
import { openWhole } from '../../../support/tar/check-tar.ts';
import { buildTree } from '../../../support/tree.ts';
import { HEAD, layoutIn, packTree } from '../../support/archives.ts';
import { forge, manifestBytes } from '../../support/craft.ts';
import { encodeManifest } from '../../support/encode-manifest.ts';
import { entryOf } from '../../support/entry-of.ts';

const { file, directory } = EntryType;
const frame = { size: 1000, rawSize: 4_194_304, sha256: Buffer.alloc(32) };

test('a manifest takes at most ten bytes an entry of a common tree', () => {
  const time = { mtimeUs: 1e15 };
  const many = [entryOf('./n/', directory, time)];
  let offset = 512;
  for (let index = 0; index < 20_000; index++) {
    const size = 1 + ((index * 7919) % 9000);
    const name = `./n/package-${String(index).padStart(6, '0')}.js`;
    many.push(entryOf(name, file, { ...time, size, frame: 0, offset }));
    offset += 512 + Math.ceil(size / 512) * 512;
  }
  expect(encodeManifest({ head: HEAD, frames: [frame], entries: many }).length).toBeLessThan(10 * 20_000);
});

test('an independent writer of the format makes the same manifest', async () => {
  const from = await buildTree(scratch(), {
    'tree/a': { content: 'one', mtime: 1_600_000_000_000_000, mode: 0o644 },
    'tree/b': { content: 'two', mtime: 1_600_000_000_000_000, mode: 0o644 },
    'tree/l': { symlink: 'a', mtime: 1_600_000_000_000_000 },
    tree: { directory: true, mtime: 1_600_000_000_000_000, mode: 0o755 },
  });
  const { object } = await packTree(layoutIn(from));
  const { manifest, manifestStart } = await openWhole(object);
  const forgery = forge([
    { name: './tree/', mode: 0o755 },
    { name: 'a', depth: 1, data: 'one' },
    { name: 'b', depth: 1, data: 'two' },
    { name: 'l', depth: 1, target: 'a', mode: 0o777 },
  ]);
  const { columns } = forgery;
  columns.frameSizes = manifest.frames.map(({ size }) => size);
  columns.frameRawSizes = manifest.frames.map(({ rawSize }) => rawSize);
  columns.hashes = Buffer.concat(manifest.frames.map(({ sha256 }) => sha256));
  columns.uids = manifest.entries.map(({ uid }) => uid);
  columns.gids = manifest.entries.map(({ gid }) => gid);
  // The directory's own header precedes that of the first file
  columns.offsetResiduals = [1024, 512];
  const tableBytes = 17 + 8 * (manifest.frames.length + 1);
  const frameBytes = object.subarray(manifestStart, object.length - tableBytes);
  const raw = zstdDecompressSync(frameBytes.subarray(16));
  const [headBytes, ours] = splitHead(raw);
  expect(JSON.parse(headBytes.toString())).toEqual({ ...HEAD, counts: { frames: 1, entries: 4 } });
  expect(ours.equals(splitHead(manifestBytes(columns))[1])).toBe(true);
});

/** The JSON head, and the columns after it. */
function splitHead(raw: Buffer): [Buffer, Buffer] {
  const end = 4 + raw.readUInt32LE(0);
  return [raw.subarray(4, end), raw.subarray(end)];
}

test('a manifest with longer names in all than a reader accepts is not written', () => {
  const writer = new ManifestWriter();
  const parent = `./${`${'n'.repeat(999)}/`.repeat(32)}`;
  writer.add(entryOf(parent, directory));
  const entry = entryOf(`${parent}x`, file);
  const addMany = () => {
    for (let bytes = 0; bytes <= MAX_NAME_BYTES_IN_ALL; bytes += parent.length) writer.add(entry);
  };
  expect(addMany).toThrow(
    new SourceTreeError('the names of all entries together are longer than the limit of an archive'),
  );
});

test('a manifest with more roots of many levels than a reader accepts is not written', () => {
  const writer = new ManifestWriter();
  const entry = entryOf(`./${'ddddddddd/'.repeat(2000)}x`, file);
  const addMany = () => {
    for (let count = 0; count < 100; count++) writer.add(entry);
  };
  expect(addMany).toThrow(
    new SourceTreeError('the wildcards of `path` match more files than an archive can contain'),
  );
});

test('a manifest with a longer head than a reader accepts is not written', () => {
  const head = { ...HEAD, key: 'k'.repeat(MAX_HEAD_BYTES) };
  expect(() => new ManifestWriter().finish(head, [])).toThrow(
    'the tree is larger than the limit of an archive',
  );
});
