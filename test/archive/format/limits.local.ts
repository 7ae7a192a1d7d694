import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { scratch } from '../../support/scratch.ts';
import { layoutIn, restoreBytes } from '../support/archives.ts';
import { assemble, forge, manifestBytes, sha256Of, writeForgery } from '../support/craft.ts';
import { bent, data, refuses, tree } from '../support/refuses.ts';
import { startRestoreProcess } from '../support/restore-process.ts';

describe('small objects that claim to be large', () => {
  test('a frame that decompresses to 4 GiB instead of 64 MiB is refused', async () => {
    const bomb = zstdCompressSync(Buffer.alloc(256 * 1024 * 1024));
    const frame = Buffer.concat(Array.from({ length: 16 }, () => bomb));
    const object = bent(tree({ name: 'a', data }), forgery => {
      forgery.frames = [frame];
      forgery.columns.frameSizes = [frame.length];
      forgery.columns.frameRawSizes = [64 * 1024 * 1024];
      forgery.columns.hashes = sha256Of(frame);
    });
    await refuses(object, 'a frame does not decompress to its length', { seenInData: true });
  });

  test('a manifest that decompresses to more than its limit is refused', async () => {
    const { frames } = forge(tree({ name: 'a', data }));
    const bomb = zstdCompressSync(Buffer.alloc(300 * 1024 * 1024));
    await refuses(assemble(frames, bomb), 'its manifest does not decompress');
  });

  test('a manifest that claims 7.5 million frames in 8 KB is refused', async () => {
    const object = bent(tree({ name: 'a', data }), ({ columns }) => {
      columns.head.counts = { frames: 7_500_000, entries: 2 };
      columns.frameSizes = new Array(7_500_000).fill(1);
      columns.frameRawSizes = columns.frameSizes;
      columns.hashes = Buffer.alloc(7_500_000 * 32);
    });
    await refuses(object, 'its manifest claims 7500000 frames');
  });

  test('a manifest that claims another number of frames than the seek table is refused', async () => {
    const { frames, columns } = forge(tree({ name: 'a', data }));
    const manifest = zstdCompressSync(manifestBytes(columns));
    await refuses(assemble([...frames, frames[0]!], manifest), 'its manifest claims 1 frames');
  });

  test('a count of entries above the limit is refused before memory is allocated', async () => {
    const forgery = forge(tree({ name: 'a', data }));
    forgery.columns.head.counts = { frames: 1, entries: 4_000_001 };
    await refuses(writeForgery(forgery), 'its manifest claims 4000001 entries');
  });

  test('a count of entries that the manifest has no bytes for is refused', async () => {
    const forgery = forge(tree({ name: 'a', data }));
    forgery.columns.head.counts = { frames: 1, entries: 1000 };
    await refuses(writeForgery(forgery), 'its manifest claims 1000 entries');
  });

  test('a head of more than 4 MiB is refused before it is parsed', async () => {
    const object = bent(tree({ name: 'a', data }), ({ columns }) => {
      columns.head.more = '[],'.repeat(1_500_000);
    });
    await refuses(object, 'the head of its manifest is too long');
  });
});

/** A million entries, the last of which has an impossible mode: all others are found good. */
function millionEntries(): Buffer {
  const forgery = forge(
    Array.from({ length: 1_000_001 }, (_, index) =>
      index === 0 ? { name: './tree/' } : { name: String(index).padStart(8, '0'), depth: 1 },
    ),
  );
  forgery.columns.modes[1_000_000] = 0o10000;
  return writeForgery(forgery);
}

describe('many entries', () => {
  test('a manifest of a million entries is read', async () => {
    await refuses(millionEntries(), 'its entry ./tree/01000000 has an impossible mode');
  });

  test('a signal ends the check of a million entries', async () => {
    const controller = new AbortController();
    const attempt = restoreBytes(millionEntries(), layoutIn(scratch()), {
      signal: controller.signal,
    });
    const reason = new Error('the job was cancelled');
    // Turns of the event loop come only between entries
    void (async () => {
      for (let turn = 0; turn < 5; turn++) await setImmediate();
      controller.abort(reason);
    })();
    await expect(attempt).rejects.toBe(reason);
  });

  test.each([512, 1024])(
    'four million entries are a miss in a heap of %i MiB, and the process survives',
    async heapMib => {
      const entries = Array.from({ length: 4_000_000 }, (_, index) =>
        index === 0 ? { name: './tree/' } : { name: String(index).padStart(8, '0'), depth: 1 },
      );
      const directory = scratch();
      const object = join(directory, 'object');
      writeFileSync(object, writeForgery(forge(entries)));
      const job = { object, workspace: directory, patterns: ['tree'] };
      const env = { NODE_OPTIONS: `--max-old-space-size=${heapMib}` };
      const end = await startRestoreProcess(job, 'self', [], env).ended;
      expect(end.output?.error, end.stderr).toBe('UnusableArchiveError');
      expect(end.output?.message).toMatch(/^its 4000000 entries need about \d+ MiB of memory/);
    },
  );
});
