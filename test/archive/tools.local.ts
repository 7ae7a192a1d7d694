/** Reads our archives with other programs, and frames of another encoder with our reader. */

import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { zstdDecompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { compressFrame, sha256 } from '../../src/archive/format/codec.ts';
import { makeSeekTable } from '../../src/archive/format/container.ts';
import type { Entry, Frame } from '../../src/archive/format/entry.ts';
import { END_OF_ARCHIVE_BYTES } from '../../src/archive/format/tar-blocks.ts';
import { linux, program, requires, tar } from '../support/platform-needs.ts';
import { incompressible } from '../support/random.ts';
import { scratch } from '../support/scratch.ts';
import { checkTar, openWhole, rawFrames } from '../support/tar/check-tar.ts';
import { untar } from '../support/tar/untar.ts';
import { buildTree, describeTree, type TreeSpec } from '../support/tree.ts';
import { layoutIn, packTree, restoreBytes } from './support/archives.ts';
import { encodeManifest } from './support/encode-manifest.ts';

const hex = (bytes: Buffer) => `hex:${bytes.toString('hex')}`;

const plain: TreeSpec = {
  'tree/a': { content: 'text', mode: 0o640, mtime: 1_600_000_000_123_456 },
  'tree/bin/run': { content: '#!/bin/sh\n', mode: 0o755, mtime: 1_500_000_000_000_000 },
  'tree/empty': { content: '', mtime: 1_500_000_000_000_001 },
  'tree/empty-directory': { directory: true, mode: 0o700 },
  'tree/large': incompressible(9 * 1024 * 1024),
  'tree/larger': Buffer.concat([Buffer.alloc(6_000_000, 'z'), incompressible(6_000_001)]),
  'tree/link': { symlink: '../outside/with spaces' },
  'tree/second': { hardlink: 'tree/a' },
  'tree/sealed/x': { content: 'x', mode: 0o444 },
  'tree/sealed': { directory: true, mode: 0o555, mtime: 1_400_000_000_999_999 },
  'tree/-rf': 'x',
  'tree/ blank ': 'x',
  'tree/it\'s "quoted"': 'x',
  'tree/new\nline': 'x',
  'tree/ünïcode/日本語/\u{1f4a9}': 'x',
  [`tree/${'n'.repeat(255)}`]: 'x',
  [`tree/${Array.from({ length: 9 }, () => 'd'.repeat(99)).join('/')}/file`]: {
    content: 'x',
    mtime: 1_500_000_000_500_000,
  },
  'tree/long-link': { symlink: 't/'.repeat(150) },
  [`tree/${'s'.repeat(99 - './tree/'.length)}`]: '99 bytes',
  [`tree/${'t'.repeat(100 - './tree/'.length)}`]: '100 bytes',
  [`tree/${'u'.repeat(101 - './tree/'.length)}`]: '101 bytes',
};
const notUtf8: TreeSpec = {
  [hex(Buffer.from('tree/caf\xe9/\xff', 'latin1'))]: 'latin-1',
  'tree/to-such': { symlink: hex(Buffer.from('caf\xe9/\xff', 'latin1')) },
  'tree/second': { hardlink: hex(Buffer.from('tree/caf\xe9/\xff', 'latin1')) },
};

async function saved(spec: TreeSpec) {
  const from = await buildTree(scratch(), spec);
  return { object: (await packTree(layoutIn(from))).object, expected: await describeTree(from) };
}

describe('zstd -dc | tar xf -', requires(linux, program('zstd'), tar), () => {
  test.each([
    ['all kinds of names and entries', plain],
    ['names that are not UTF-8', notUtf8],
  ])('GNU tar extracts the same tree: %s', async (_, spec) => {
    const { object, expected } = await saved(spec);
    const to = scratch();
    untar(object, to);
    const found = await describeTree(to);
    expect(found).toEqual(expected);
  });

  test('zstd --test accepts an archive', async () => {
    const { object } = await saved(plain);
    execFileSync('zstd', ['-qt'], { input: object });
  });
});

describe('frames by @mongodb-js/zstd in place of ours', () => {
  test('frames of @mongodb-js/zstd are restored', async () => {
    const mongo = createRequire(import.meta.url)('@mongodb-js/zstd') as {
      compress(raw: Buffer, level: number): Promise<Buffer>;
    };
    const { object, expected } = await saved(plain);
    const { manifest } = await openWhole(object);
    const pieces: Buffer[] = [];
    const frames: Frame[] = [];
    let start = 0;
    for (const { size, rawSize } of manifest.frames) {
      const raw = zstdDecompressSync(object.subarray(start, start + size));
      expect(raw.length).toBe(rawSize);
      const bytes = await mongo.compress(raw, 5);
      pieces.push(bytes);
      frames.push({ size: bytes.length, rawSize, sha256: sha256(bytes) });
      start += size;
    }
    const end = compressFrame(Buffer.alloc(END_OF_ARCHIVE_BYTES), 3);
    const again = Buffer.concat([
      ...pieces,
      end,
      encodeManifest({ ...manifest, frames }),
      makeSeekTable([...frames, { size: end.length, rawSize: END_OF_ARCHIVE_BYTES }]),
    ]);
    await checkTar(again, { full: true });
    const to = scratch();
    await restoreBytes(again, layoutIn(to));
    expect(await describeTree(to)).toEqual(expected);
  });

  test('@mongodb-js/zstd reads our frames', async () => {
    const mongo = createRequire(import.meta.url)('@mongodb-js/zstd') as {
      decompress(bytes: Buffer): Promise<Buffer>;
    };
    for (const raw of [Buffer.alloc(300_000, 'a'), incompressible(300_001), Buffer.from('x')]) {
      expect((await mongo.decompress(compressFrame(raw, 3))).equals(raw)).toBe(true);
    }
  });
});

test('the manifest gives the same data offsets as the tar headers', async () => {
  const { object } = await saved(plain);
  const { manifest, manifestStart } = await openWhole(object);
  const raws = [...rawFrames(object, manifest, manifestStart)];
  const dataOf = ({ frame, offset, size }: Entry) =>
    Buffer.concat([raws[frame]!.subarray(offset), ...raws.slice(frame + 1)]).subarray(0, size);
  const large = manifest.entries.find(({ name }) => name === './tree/large')!;
  expect(dataOf(large).equals(incompressible(9 * 1024 * 1024))).toBe(true);
  const small = manifest.entries.find(({ name }) => name === './tree/bin/run')!;
  expect(dataOf(small).toString()).toBe('#!/bin/sh\n');
});
