import { zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { UnusableArchiveError } from '../../../../src/archive/archive-errors.ts';
import { scratch } from '../../../support/scratch.ts';
import { layoutIn, restoreBytes } from '../../support/archives.ts';
import { assemble, forge, manifestBytes } from '../../support/craft.ts';
import { bent, data, refuses, tree } from '../../support/refuses.ts';

describe('counts and lengths', () => {
  const entries = tree({ name: 'a', data });
  test.each<[string, Record<string, unknown>]>([
    ['a billion entries', { counts: { frames: 1, entries: 1e9 } }],
    ['one entry more', { counts: { frames: 1, entries: 3 } }],
    ['a billion frames', { counts: { frames: 1e9, entries: 2 } }],
    ['fewer frames than there are', { counts: { frames: 0, entries: 2 } }],
    ['a negative count', { counts: { frames: 1, entries: -1 } }],
    ['a fraction', { counts: { frames: 1, entries: 1.5 } }],
    [
      'an infinite count, which JSON makes null',
      { counts: { frames: 1, entries: Number.POSITIVE_INFINITY } },
    ],
    ['no counts', { counts: null }],
    ['no object', { object: undefined }],
    ['paths that are not an array', { paths: 'tree' }],
  ])('a head with %s is refused', async (_, head) => {
    await refuses(
      bent(entries, ({ columns }) => Object.assign(columns.head, head)),
      /its manifest/,
    );
  });

  test('a column that claims more bytes than the manifest has is refused', async () => {
    const { frames, columns } = forge(entries);
    const manifest = manifestBytes(columns);
    for (let at = 0; at < manifest.length; at += 4 + manifest.readUInt32LE(at)) {
      const longer = Buffer.from(manifest);
      longer.writeUInt32LE(0xffffffff, at);
      await refuses(assemble(frames, zstdCompressSync(longer)), 'its manifest is cut short');
    }
  });

  test('a number without an end is refused', async () => {
    const { frames, columns } = forge(entries);
    const manifest = manifestBytes(columns);
    const at = manifest.lastIndexOf(Buffer.from([0x80, 0x08]));
    expect(at, '512, zigzag').toBeGreaterThan(0);
    manifest.fill(0xff, at);
    await refuses(assemble(frames, zstdCompressSync(manifest)), /its manifest/);
  });

  test('bytes that are not a manifest are refused', async () => {
    const { frames } = forge(entries);
    await refuses(assemble(frames, Buffer.from('not zstd')), 'its manifest does not decompress');
    await refuses(assemble(frames, zstdCompressSync(Buffer.from('xx'))), 'its manifest is cut short');
  });

  test('a head with another tool and additional fields is accepted', async () => {
    const object = bent(entries, ({ columns }) =>
      Object.assign(columns.head, { tool: 'other/9', more: [1] }),
    );
    await restoreBytes(object, layoutIn(scratch()));
  });
});

test('another format number is reported and is not damage', async () => {
  const { frames, columns } = forge(tree({ name: 'a', data }));
  const object = assemble(frames, zstdCompressSync(manifestBytes(columns)), 1);
  await refuses(object, 'it has archive format 1, and this release reads only format 2', {
    kind: UnusableArchiveError,
  });
});
