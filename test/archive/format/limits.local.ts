import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { zstdCompressSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { entryCheckOf } from '../../../src/archive/check/validate.ts';
import type { EntryCheck, EntryCheckFactory } from '../../../src/archive/format/manifest/manifest-reader.ts';
import { openArchive } from '../../../src/archive/format/open-archive.ts';
import { scratch } from '../../support/scratch.ts';
import { layoutIn, restoreBytes, tailOf } from '../support/archives.ts';
import { assemble, type Forgery, forge, manifestBytes, sha256Of, writeForgery } from '../support/craft.ts';
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
    await refuses(object, 'its manifest states 7500000 frames');
  });

  test('a manifest that claims another number of frames than the seek table is refused', async () => {
    const { frames, columns } = forge(tree({ name: 'a', data }));
    const manifest = zstdCompressSync(manifestBytes(columns));
    await refuses(assemble([...frames, frames[0]!], manifest), 'its manifest states 1 frames');
  });

  test('a count of entries above the limit is refused before memory is allocated', async () => {
    const forgery = forge(tree({ name: 'a', data }));
    forgery.columns.head.counts = { frames: 1, entries: 4_000_001 };
    await refuses(writeForgery(forgery), 'its manifest states 4000001 entries');
  });

  test('a count of entries that the manifest has no bytes for is refused', async () => {
    const forgery = forge(tree({ name: 'a', data }));
    forgery.columns.head.counts = { frames: 1, entries: 1000 };
    await refuses(writeForgery(forgery), 'its manifest states 1000 entries');
  });

  test('a head of more than 4 MiB is refused before it is parsed', async () => {
    const object = bent(tree({ name: 'a', data }), ({ columns }) => {
      columns.head.more = '[],'.repeat(1_500_000);
    });
    await refuses(object, 'the head of its manifest is too long');
  });
});

/** A directory of empty files. */
function manyEntries(count: number): Forgery {
  return forge(
    Array.from({ length: count }, (_, index) =>
      index === 0 ? { name: './tree/' } : { name: String(index).padStart(8, '0'), depth: 1 },
    ),
  );
}

describe('many entries', () => {
  /** A million entries, the last of which has an impossible mode: all others are found good. */
  let million: Buffer;
  beforeAll(() => {
    const forgery = manyEntries(1_000_001);
    forgery.columns.modes[1_000_000] = 0o10000;
    million = writeForgery(forgery);
  });

  test('a manifest of a million entries is checked', async () => {
    await refuses(million, 'its entry ./tree/01000000 has an impossible mode');
  });

  test('a manifest of 530,000 entries is read again after the check, from its first entry to its last', async () => {
    const count = 530_000;
    const object = writeForgery(manyEntries(count));
    let checked = 0;
    const createCheck = (...sizes: Parameters<EntryCheckFactory>) => {
      const check = entryCheckOf(layoutIn(scratch()))(...sizes);
      return (...entry: Parameters<EntryCheck>) => {
        check(...entry);
        checked++;
      };
    };
    const read = async (start: number, end: number) => Uint8Array.from(object.subarray(start, end));
    const { manifest } = await openArchive(tailOf(object), object.length, read, { createCheck });
    // Up to 500,000 entries are kept at the first reading and not checked there
    expect(checked).toBe(count);
    expect(manifest.entries).toHaveLength(count);
    expect(manifest.entries[0]).toMatchObject({ name: './tree/', mtimeUs: 1_600_000_000_000_000 });
    expect(manifest.entries.at(-1)).toMatchObject({
      name: './tree/00529999',
      mtimeUs: 1_600_000_000_000_000,
    });
  });

  test('a signal ends the check of a million entries', async () => {
    const controller = new AbortController();
    const attempt = restoreBytes(million, layoutIn(scratch()), {
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
});

/** Restores an object in a process whose heap is limited. */
function restoreInHeap(object: Buffer, mib: number) {
  const workspace = scratch();
  const file = join(workspace, 'object');
  writeFileSync(file, object);
  const job = { object: file, workspace, patterns: ['tree'] };
  const env = { NODE_OPTIONS: `--max-old-space-size=${mib}` };
  return startRestoreProcess(job, 'self', [], env).ended;
}

test('names of 250 MB that are not UTF-8 are a miss in a heap of 512 MiB, and the process survives', async () => {
  const rest = Buffer.alloc(1000, 0xff);
  const entries = Array.from({ length: 250_000 }, (_, index) =>
    index === 0
      ? { name: './tree/' }
      : { name: Buffer.concat([Buffer.from(String(index).padStart(8, '0')), rest]), depth: 1 },
  );
  const { output, stderr } = await restoreInHeap(writeForgery(forge(entries)), 512);
  expect(output?.error, stderr).toBe('UnusableArchiveError');
  expect(output?.message).toMatch(/^its 250000 entries with their names need about \d+ MiB of memory/);
}, 240_000);

describe('four million entries, the last of which is of an unknown type,', () => {
  let object: Buffer;
  beforeAll(() => {
    const forgery = manyEntries(4_000_000);
    forgery.columns.types[3_999_999] = 9;
    object = writeForgery(forgery);
  });

  test.each([512, 1024])('are a miss in a heap of %i MiB, and the process survives', async mib => {
    const { output, stderr } = await restoreInHeap(object, mib);
    expect(output?.error, stderr).toBe('UnusableArchiveError');
    expect(output?.message).toMatch(/^its 4000000 entries need about \d+ MiB of memory/);
  });

  test('are refused in less than 500 MB of memory', async () => {
    const { output, stderr } = await restoreInHeap(object, 4096);
    expect(output?.message, stderr).toBe('its entry ./tree/03999999 is of an unknown type');
    expect(output?.rssBytes).toBeLessThan(500e6);
  });
});
