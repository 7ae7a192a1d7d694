import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { DamagedArchiveError } from '../../../src/archive/archive-errors.ts';
import { EntryType } from '../../../src/archive/format/entry.ts';
import { type OpenArchive, openArchive } from '../../../src/archive/format/open-archive.ts';
import { RefusedAttributes } from '../../../src/archive/fs/refused-attributes.ts';
import type { JobRunner, WorkerBuffer } from '../../../src/archive/pool/worker-pool.ts';
import type { StagedFiles, StagedPaths } from '../../../src/archive/publish/plan/target-plan.ts';
import { type RangeRead, unpack } from '../../../src/archive/restore/unpack.ts';
import { InlineRunner } from '../../../src/archive/worker/worker.ts';
import { incompressible } from '../../support/random.ts';
import { scratch } from '../../support/scratch.ts';
import { openWhole } from '../../support/tar/check-tar.ts';
import { buildTree } from '../../support/tree.ts';
import { layoutIn, packTree, tailOf } from '../support/archives.ts';

const MiB = 1024 * 1024;
const contents = {
  'tree/a-large': incompressible(9 * MiB, 'large'),
  'tree/b': incompressible(3 * MiB, 'b'),
  'tree/c-empty': Buffer.alloc(0),
  'tree/d': incompressible(3 * MiB, 'd'),
};

let object: Buffer;
let archive: OpenArchive;
beforeEach(async () => {
  if (object) return;
  object = (await packTree(layoutIn(await buildTree(scratch(), contents)))).object;
  archive = await openArchive(tailOf(object, 4000), object.length, async (start, end) =>
    Uint8Array.from(object.subarray(start, end)),
  );
});

const nameOf = (entry: number) => archive.manifest.entries[entry]!.name.slice('./tree/'.length);

/** Unpacks into an empty directory. Returns the bytes written, and a function that reads a file. */
async function unpackInto(options: Partial<Parameters<typeof unpack>[0]> = {}) {
  const directory = scratch();
  const at = (entry: number) => join(directory, nameOf(entry));
  const staged: StagedFiles = { paths: { at } as Partial<StagedPaths> as StagedPaths, masksModes: false };
  const written = await unpack({
    archive,
    read: async (start, end) => Uint8Array.from(object.subarray(start, end)),
    runner: new InlineRunner(),
    isWanted: () => true,
    refused: new RefusedAttributes(),
    staged: Promise.resolve(staged),
    ...options,
  });
  return { written, content: (name: string) => readFileSync(join(directory, name)) };
}

describe('unpack', () => {
  test('writes all files, in slices, whole and empty, and returns their bytes', async () => {
    const { written, content } = await unpackInto();
    expect(written).toBe(15 * MiB);
    for (const [name, bytes] of Object.entries(contents))
      expect(content(name.slice('tree/'.length)).equals(bytes), name).toBe(true);
  });

  test('reads only the frames of wanted files', async () => {
    const ranges: number[] = [];
    const read: RangeRead = async (start, end) => {
      ranges.push(end - start);
      return Uint8Array.from(object.subarray(start, end));
    };
    const wanted = archive.manifest.entries.findIndex(({ name }) => name === './tree/d');
    const { written, content } = await unpackInto({ read, isWanted: entry => entry === wanted });
    expect(written).toBe(3 * MiB);
    expect(content('d').equals(contents['tree/d'])).toBe(true);
    expect(() => content('b')).toThrow('ENOENT');
    expect(() => content('c-empty')).toThrow('ENOENT');
    expect(ranges).toHaveLength(1);
    // The frame may have begun with the end of another file
    expect(ranges[0]).toBeLessThan(7 * MiB);
  });

  test('reads nothing that has come with the manifest', async () => {
    const whole = await openWhole(object);
    const { written } = await unpackInto({ archive: whole, read: () => expect.unreachable() });
    expect(written).toBe(15 * MiB);
  });

  test('lets a worker read into its own buffer where it has one, and reads on this thread where it has none', async () => {
    const inner = new InlineRunner();
    const filled: [number, number][] = [];
    let read = 0;
    let reserved = 0;
    const buffers = new Map<WorkerBuffer, Uint8Array<ArrayBuffer>>();
    const reserve = (): WorkerBuffer | undefined => {
      // Every other range gets a buffer
      if (++reserved % 2 === 0) return undefined;
      const buffer = {
        run: (job: object) => inner.run({ ...job, bytes: buffers.get(buffer)! } as never),
      } as unknown as WorkerBuffer;
      return buffer;
    };
    const runner = { width: 1, run: job => inner.run(job), close: async () => {}, reserve } as JobRunner;
    const { written } = await unpackInto({
      runner,
      read: async (start, end) => {
        read++;
        return Uint8Array.from(object.subarray(start, end));
      },
      readInWorker: async (start, end, buffer) => {
        filled.push([start, end]);
        buffers.set(buffer, Uint8Array.from(object.subarray(start, end)));
      },
    });
    expect(written).toBe(15 * MiB);
    expect([filled.length, read]).toEqual([Math.ceil(reserved / 2), Math.floor(reserved / 2)]);
  });

  test('aborts the other reads when one of its frames is damaged', async () => {
    let reads = 0;
    const stopped: unknown[] = [];
    const read: RangeRead = (start, end, signal) => {
      if (++reads === 1) return Promise.resolve(new Uint8Array(end - start));
      // A store that never responds: only the signal ends the read
      return new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          stopped.push(signal.reason);
          reject(signal.reason);
        });
      });
    };
    await expect(unpackInto({ read })).rejects.toThrow(DamagedArchiveError);
    expect(stopped.length).toBeGreaterThan(0);
  });

  test('aborts its reads when the directories cannot be made', async () => {
    const error = new Error('the disk is full');
    const read: RangeRead = (_, __, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
      });
    await expect(unpackInto({ read, staged: Promise.reject(error) })).rejects.toBe(error);
  });

  test('makes thousands of empty files in several jobs', async () => {
    const empty = {
      ...archive.manifest.entries.find(({ type, size }) => type === EntryType.file && size === 0)!,
    };
    const entries = Array.from({ length: 4001 }, (_, index) => ({ ...empty, name: `./tree/${index}` }));
    const inner = new InlineRunner();
    let jobs = 0;
    const run: JobRunner['run'] = job => {
      jobs++;
      return inner.run(job);
    };
    const directory = scratch();
    const at = (entry: number) => join(directory, String(entry));
    const paths = { at } as Partial<StagedPaths> as StagedPaths;
    const written = await unpackInto({
      archive: { ...archive, manifest: { ...archive.manifest, entries } },
      runner: { width: 1, run, close: async () => {} },
      staged: Promise.resolve({ paths, masksModes: false }),
    });
    expect([written.written, jobs]).toEqual([0, 3]);
    expect(readFileSync(at(4000)).length).toBe(0);
  });
});
