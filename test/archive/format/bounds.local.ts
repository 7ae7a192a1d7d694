import { zstdCompressSync } from 'node:zlib';
import { describe, test } from 'vitest';
import { assemble, forge, sha256, writeForgery } from '../support/craft.ts';
import { bent, data, refuses, tree } from '../support/refuses.ts';

describe('small objects that claim to be large', () => {
  test('a frame that decompresses to 4 GiB instead of 64 MiB is refused', async () => {
    const bomb = zstdCompressSync(Buffer.alloc(256 * 1024 * 1024));
    const frame = Buffer.concat(Array.from({ length: 16 }, () => bomb));
    const object = bent(tree({ name: 'a', data }), forgery => {
      forgery.frames = [frame];
      forgery.columns.frameSizes = [frame.length];
      forgery.columns.frameRawSizes = [64 * 1024 * 1024];
      forgery.columns.hashes = sha256(frame);
    });
    await refuses(object, 'a frame does not decompress to its length', { seenInData: true });
  });

  test('a manifest that decompresses to more than its limit is refused', async () => {
    const { frames } = forge(tree({ name: 'a', data }));
    const bomb = zstdCompressSync(Buffer.alloc(300 * 1024 * 1024));
    await refuses(assemble(frames, bomb), 'its manifest does not decompress');
  });

  test('directories so deep that their names would fill the memory are refused', async () => {
    const deep = 60_000;
    const forgery = forge([
      { name: './tree/' },
      ...Array.from({ length: deep }, (_, index) => ({ name: 'd/', depth: index + 1 })),
    ]);
    await refuses(writeForgery(forgery), 'the names of its entries are too long in all');
  });
});

describe('many entries', () => {
  test('a manifest of a million entries is read', async () => {
    const forgery = forge(
      Array.from({ length: 1_000_001 }, (_, index) =>
        index === 0 ? { name: './tree/' } : { name: String(index).padStart(8, '0'), depth: 1 },
      ),
    );
    // Refused by the last of them alone: all others have been found good
    forgery.columns.modes[1_000_000] = 0o10000;
    await refuses(writeForgery(forgery), 'its entry ./tree/01000000 has an impossible mode');
  });

  test('a count above the limit is refused before memory is allocated', async () => {
    const forgery = forge(tree({ name: 'a', data }));
    forgery.columns.head.counts = { frames: 1, entries: 4_000_001 };
    await refuses(writeForgery(forgery), 'its manifest claims 4000001 entries');
  });
});
