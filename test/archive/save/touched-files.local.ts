import { utimesSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import {
  CONTENT_HASH_BYTES,
  ContentHashes,
  hasherOf,
  newHashKey,
} from '../../../src/archive/format/content-hashes.ts';
import { dataPieces } from '../../../src/archive/format/data-pieces.ts';
import { lstatExact } from '../../../src/archive/fs/file-status.ts';
import { StatusRows } from '../../../src/archive/fs/status-rows.ts';
import { type ContentJob, readHashedPieces } from '../../../src/archive/messages/content-job.ts';
import type { JobRunner } from '../../../src/archive/pool/worker-pool.ts';
import { BaseDiff } from '../../../src/archive/save/base-diff.ts';
import type { BaseArchive } from '../../../src/archive/save/reuse-estimate.ts';
import { TouchedFiles } from '../../../src/archive/save/touched-files.ts';
import { Listings } from '../../../src/archive/scan/listings.ts';
import { SaveNotices } from '../../../src/archive/scan/save-notices.ts';
import { type Batch, scan } from '../../../src/archive/scan/scan.ts';
import { InlineRunner } from '../../../src/archive/worker/worker.ts';
import { incompressible } from '../../support/random.ts';
import { scratch } from '../../support/scratch.ts';
import { MiB } from '../../support/sizes.ts';
import { openWhole } from '../../support/tar/check-tar.ts';
import { buildTree, type TreeSpec } from '../../support/tree.ts';
import { layoutIn, packTree } from '../support/archives.ts';

interface CompareOptions {
  readonly signal?: AbortSignal;
  /** Changes the scan that is compared. */
  readonly through?: (scanned: AsyncIterable<Batch>) => AsyncIterable<Batch>;
  /** Called with each turn. */
  readonly onTurn?: () => void;
}

/** Makes a batch of each entry. */
async function* oneByOne(scanned: AsyncIterable<Batch>): AsyncGenerator<Batch> {
  for await (const batch of scanned) for (const entry of batch) yield [entry];
}

/** Saves a tree of files in `tree/`. Returns the base of an incremental save of it, and a function that compares a scan with it. */
async function savedTree(contents: Readonly<Record<string, string | Buffer>>) {
  const spec: TreeSpec = Object.fromEntries(
    Object.entries(contents).map(([name, content]) => [`tree/${name}`, content]),
  );
  const root = await buildTree(scratch(), spec);
  const layout = layoutIn(root);
  const { object } = await packTree(layout);
  const { manifest } = await openWhole(object);
  const key = newHashKey();
  const [rows, hashes] = [StatusRows.of(manifest.entries.length), new ContentHashes(manifest, key)];
  const hasher = await hasherOf(key);
  manifest.entries.forEach((entry, index) => {
    const { name, size } = entry;
    rows.set(index, lstatExact(layout.toAbsolute(name))!);
    if (size === 0) return;
    const content = Buffer.from(contents[name.slice('./tree/'.length)]!);
    for (const [piece, { position, size: bytes }] of [...dataPieces(entry, manifest.frames)].entries()) {
      const hash = Buffer.alloc(CONTENT_HASH_BYTES);
      hasher.write(content.subarray(position, position + bytes), hash, 0);
      hashes.set(index, piece, hash, 0);
    }
  });
  const base: BaseArchive = { manifest, rows, contents: hashes };
  const roots = await layout.roots();
  /** Returns the names of all entries, and of those that are touched and have the data of the base. */
  async function compare(
    openPool: () => JobRunner = () => expect.unreachable(),
    { signal, through = scanned => scanned, onTurn }: CompareOptions = {},
  ) {
    const listings = new Listings({ exact: true });
    const scanned = through(scan(layout, roots, new SaveNotices(), listings, signal));
    const all: string[] = [];
    const same: string[] = [];
    const files = new TouchedFiles(base, listings, openPool);
    for await (const { found, indexes, isSame } of files.compare(scanned, new BaseDiff(base))) {
      onTurn?.();
      expect(indexes).toHaveLength(found.length);
      all.push(...found.map(({ name }) => name));
      same.push(...found.flatMap(({ name }, at) => (isSame[at] === 1 ? [name] : [])));
    }
    return { all, same };
  }
  return { at: (name: string) => join(root, 'tree', name), compare };
}

const touch = (path: string) => utimesSync(path, 1e9, 1e9);

test('a touched file that has the data of the base is found, and no untouched, changed, new or empty one', async () => {
  const { at, compare } = await savedTree({ a: 'one', b: 'two', c: 'three', d: '', e: 'five' });
  for (const name of ['a', 'b', 'd']) touch(at(name));
  writeFileSync(at('b'), 'tWo');
  writeFileSync(at('e'), 'another size');
  writeFileSync(at('f'), 'new');
  const { all, same } = await compare();
  expect(all).toEqual(['./tree/', ...['a', 'b', 'c', 'd', 'e', 'f'].map(name => `./tree/${name}`)]);
  expect(same).toEqual(['./tree/a']);
});

/** Makes a function that opens a pool, and the files of each job that it has run. Jobs begin when `opened` resolves. */
function poolOf(opened: Promise<void> = Promise.resolve()) {
  const jobs: string[][] = [];
  const run: JobRunner['run'] = async job => {
    jobs.push(Array.from(readHashedPieces(job as ContentJob), ({ path }) => basename(path)));
    await opened;
    return new InlineRunner().run(job);
  };
  return { jobs, open: (): JobRunner => ({ width: 1, run, close: async () => {} }) };
}

test('touched files are read on this thread up to 1 MiB in all, and then in workers', async () => {
  const names = ['a', 'b', 'c', 'd', 'e'];
  const { at, compare } = await savedTree(
    Object.fromEntries(names.map(name => [name, incompressible(300_000, name)])),
  );
  for (const name of names) touch(at(name));
  const { jobs, open } = poolOf();
  const { same } = await compare(open, { through: oneByOne });
  expect(same).toEqual(names.map(name => `./tree/${name}`));
  expect(jobs).toEqual([['d'], ['e']]);
});

test('each touched file counts as 16 KiB more than it has, because it is opened', async () => {
  const names = Array.from({ length: 64 }, (_, index) => String(index).padStart(2, '0'));
  const { at, compare } = await savedTree(Object.fromEntries(names.map(name => [name, name])));
  for (const name of names.slice(1)) touch(at(name));
  expect((await compare()).same).toHaveLength(63);
  touch(at('00'));
  const { jobs, open } = poolOf();
  expect((await compare(open)).same).toHaveLength(64);
  expect(jobs).toEqual([names]);
});

test('a worker reads files of 4 MiB or a little more in one job', async () => {
  const names = ['a', 'b', 'c', 'd', 'e'];
  const { at, compare } = await savedTree(
    Object.fromEntries(names.map(name => [name, incompressible(3 * MiB, name)])),
  );
  for (const name of names) touch(at(name));
  const { jobs, open } = poolOf();
  expect((await compare(open)).same).toHaveLength(5);
  expect(jobs).toEqual([['a', 'b'], ['c', 'd'], ['e']]);
});

test('a touched file in slices has the data of the base only if each slice has', async () => {
  const content = incompressible(9 * MiB, 'large');
  const { at, compare } = await savedTree({ a: content, b: content });
  const changed = Buffer.from(content);
  changed[changed.length - 1]! ^= 1;
  writeFileSync(at('b'), changed);
  for (const name of ['a', 'b']) touch(at(name));
  expect((await compare(poolOf().open)).same).toEqual(['./tree/a']);
});

test('the scan goes on by one turn of 500 entries if no file of the one before is touched', async () => {
  const names = Array.from({ length: 1201 }, (_, index) => String(index).padStart(4, '0'));
  const { compare } = await savedTree(Object.fromEntries(names.map(name => [name, ''])));
  const turns: number[] = [];
  let scanned = 0;
  await compare(undefined, {
    async *through(batches) {
      for await (const batch of batches) {
        scanned += batch.length;
        yield batch;
      }
    },
    onTurn: () => turns.push(scanned),
  });
  expect(turns).toEqual([500, 1000, 1202]);
});

test('the scan waits while the touched files of nine turns are being read', async () => {
  const names = Array.from({ length: 20 }, (_, index) => String(index).padStart(2, '0'));
  const { at, compare } = await savedTree(
    Object.fromEntries(names.map(name => [name, incompressible(300_000, name)])),
  );
  for (const name of names) touch(at(name));
  const opened = Promise.withResolvers<void>();
  const { jobs, open } = poolOf(opened.promise);
  const compared = compare(open, { through: oneByOne });
  await vi.waitFor(() => expect(jobs).toHaveLength(9));
  await wait(20);
  expect(jobs).toHaveLength(9);
  opened.resolve();
  expect((await compared).same).toHaveLength(20);
});

test('workers that compare touched files also read the directories behind them', async () => {
  const names = Array.from({ length: 600 }, (_, index) => `a/${String(index).padStart(3, '0')}`);
  names.push('b/same', 'b/touched', 'c/d/changed', 'c/d/touched');
  const { at, compare } = await savedTree(Object.fromEntries(names.map(name => [name, name])));
  const touched = names.filter(name => name !== 'b/same' && name !== 'c/d/changed');
  for (const name of touched) touch(at(name));
  writeFileSync(at('c/d/changed'), 'C/d/changed');
  const kinds = new Set<string>();
  const inner = new InlineRunner();
  const run: JobRunner['run'] = job => {
    kinds.add(job.kind);
    return inner.run(job);
  };
  const { all, same } = await compare(() => ({ width: 1, run, close: async () => {} }));
  expect(all.filter(name => !name.endsWith('/'))).toEqual(names.map(name => `./tree/${name}`));
  expect(same).toEqual(touched.map(name => `./tree/${name}`));
  expect(kinds).toEqual(new Set(['content', 'list']));
});

test('the entries of more than one turn of the scan keep their order', async () => {
  const names = Array.from({ length: 1201 }, (_, index) => String(index).padStart(4, '0'));
  const { at, compare } = await savedTree(Object.fromEntries(names.map(name => [name, name])));
  const touched = names.filter((_, index) => index % 600 === 0);
  for (const name of touched) touch(at(name));
  const { all, same } = await compare(() => new InlineRunner());
  expect(all).toEqual(['./tree/', ...names.map(name => `./tree/${name}`)]);
  expect(same).toEqual(touched.map(name => `./tree/${name}`));
});

test('a signal ends the comparison of touched files with its reason', async () => {
  const reason = new Error('the job was cancelled');
  const { compare } = await savedTree({ a: 'one' });
  await expect(compare(undefined, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
});
