import { utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  CONTENT_HASH_BYTES,
  ContentHasher,
  ContentHashes,
  newHashKey,
} from '../../../src/archive/format/content-hashes.ts';
import { openArchive } from '../../../src/archive/format/open-archive.ts';
import { lstatExact } from '../../../src/archive/fs/file-status.ts';
import { StatusRows } from '../../../src/archive/fs/status-rows.ts';
import type { JobRunner } from '../../../src/archive/pool/worker-pool.ts';
import { BaseDiff } from '../../../src/archive/save/base-diff.ts';
import type { BaseArchive } from '../../../src/archive/save/reuse-estimate.ts';
import { TouchedFiles } from '../../../src/archive/save/touched-files.ts';
import { scan } from '../../../src/archive/scan/scan.ts';
import { InlineRunner } from '../../../src/archive/worker/worker.ts';
import { incompressible } from '../../support/random.ts';
import { scratch } from '../../support/scratch.ts';
import { buildTree, type TreeSpec } from '../../support/tree.ts';
import { layoutIn, packTree, tailOf } from '../support/archives.ts';

/** Saves a tree of files in `tree/`. Returns the base of an incremental save of it, and a function that compares a scan with it. */
async function savedTree(contents: Readonly<Record<string, string | Buffer>>) {
  const spec: TreeSpec = Object.fromEntries(
    Object.entries(contents).map(([name, content]) => [`tree/${name}`, content]),
  );
  const root = await buildTree(scratch(), spec);
  const layout = layoutIn(root);
  const { object } = await packTree(layout);
  const { manifest } = await openArchive(tailOf(object, object.length), object.length, () =>
    Promise.reject(),
  );
  const key = newHashKey();
  const [rows, hashes] = [StatusRows.of(manifest.entries.length), new ContentHashes(manifest, key)];
  manifest.entries.forEach(({ name, size }, index) => {
    rows.set(index, lstatExact(layout.toAbsolute(name))!);
    if (size === 0) return;
    const hash = Buffer.alloc(CONTENT_HASH_BYTES);
    new ContentHasher(key).write(Buffer.from(contents[name.slice('./tree/'.length)]!), hash, 0);
    hashes.set(index, 0, hash, 0);
  });
  const base: BaseArchive = { manifest, rows, contents: hashes };
  const roots = await layout.roots();
  /** Returns the names of all entries, and of those that are touched and have the data of the base. */
  async function compare(openPool: () => JobRunner = () => expect.unreachable(), signal?: AbortSignal) {
    const scanned = scan(layout, roots, { skipped() {}, timeOutOfRange() {} }, true);
    const all: string[] = [];
    const same: string[] = [];
    for await (const { found, indexes, isSame } of new TouchedFiles(base, openPool).compare(
      scanned,
      new BaseDiff(base),
      signal,
    )) {
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

test('touched files of more than 1 MiB in all are read in workers, and the first ones on this thread', async () => {
  const names = ['a', 'b', 'c', 'd', 'e'];
  const { at, compare } = await savedTree(
    Object.fromEntries(names.map(name => [name, incompressible(300_000, name)])),
  );
  for (const name of names) touch(at(name));
  const pools: string[][] = [];
  const { same } = await compare(() => {
    const jobs: string[] = [];
    pools.push(jobs);
    const inner = new InlineRunner();
    const run: JobRunner['run'] = job => {
      jobs.push((job as { paths: string }).paths);
      return inner.run(job);
    };
    return { width: 1, run, close: async () => {} };
  });
  expect(same).toEqual(names.map(name => `./tree/${name}`));
  expect(pools).toHaveLength(1);
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
  await expect(compare(undefined, AbortSignal.abort(reason))).rejects.toBe(reason);
});
