/** One history of a cache: a tree, saved, restored elsewhere, changed, saved on top, generation after generation. */

import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { OpenArchive } from '../../../src/archive/format/open-archive.ts';
import { fileTimes } from '../../../src/archive/fs/file-times.ts';
import type { ObjectStore } from '../../../src/storage/object-store.ts';
import { describeTree, removeTree, type TreeDescription, type TreeEntry } from '../../support/tree.ts';
import { Job } from './job.ts';
import { changeTree } from './random-changes.ts';
import { plantTree, Random } from './random-tree.ts';

export interface HistoryOptions {
  readonly seed: number;
  /** Saves after the first one. */
  readonly generations: number;
  readonly store: ObjectStore;
  /** An empty directory; left empty. */
  readonly directory: string;
}

/** What a history has been through: a test of nothing but full saves would prove nothing. */
export interface HistoryFacts {
  /** Saves on top of another object. */
  readonly incremental: number;
  readonly full: number;
  /** Archives that `zstd -dc | tar xf -` has read as well. */
  readonly readByTar: number;
}

/**
 * Lives through a history. Every object has to give back the tree that was saved and say of it what a full save says;
 * at the end tar has to find it as well.
 * Throws an error that names seed, generation and changes where two trees differ.
 */
export async function runHistory(options: HistoryOptions): Promise<HistoryFacts> {
  const { seed, store, directory, generations } = options;
  const random = new Random(seed);
  const done: string[] = [];
  const counts = { incremental: 0, full: 0, readByTar: 0 };
  const job = (name: string) => new Job({ store, directory: path.join(directory, name) });
  const treeOf = ({ workspace }: Job) => `${workspace}/tree`;
  const describe = (workspace: string) => describeTree(workspace, { owners: isRoot });
  const differs = (what: string, expected: unknown, actual: unknown): Error =>
    new Error(`seed ${seed}: ${what}\n${difference(expected, actual)}\n${done.join('\n')}`);

  let current = job('0');
  try {
    plantTree(treeOf(current), random);
    await current.saveInFull(keyOf(seed, 0));
    let saved = await describe(current.workspace);
    for (let generation = 1; generation <= generations; generation++) {
      const next = job(`${generation}`);
      await next.restore(`none-${seed}`, { restoreKeys: [`${seed}-`] });
      const restored = await describe(next.workspace);
      if (!isDeepStrictEqual(restored, saved)) throw differs(`restore ${generation}`, saved, restored);
      await removeTree(path.dirname(current.workspace));
      current = next;

      done.push(`${generation}: ${changeTree(treeOf(current), random).join('; ')}`);
      saved = await describe(current.workspace);
      const key = keyOf(seed, generation);
      // Half of them as save/, which finds the record by itself
      const outcome = await current.save(key, random.once(2) ? { base: undefined } : {});
      if (outcome.kind !== 'saved') throw differs(`save ${generation}`, 'saved', [outcome, ...current.lines]);
      counts[outcome.reusedBytes > 0 ? 'incremental' : 'full']++;

      const untouched = await describe(current.workspace);
      if (!isDeepStrictEqual(untouched, saved))
        throw differs(`save ${generation} changed it`, saved, untouched);
      await current.saveInFull(`full-${key}`);
      const [own, full] = [await current.open(key), await current.open(`full-${key}`)];
      const [ownEntries, fullEntries] = [tellable(own), tellable(full)];
      if (!isDeepStrictEqual(ownEntries, fullEntries)) {
        throw differs(`manifest ${generation} is not a full save's`, fullEntries, ownEntries);
      }
      const other = job(`full-${generation}`);
      await other.restore(`full-${key}`, { restoreKeys: [] });
      const byFull = await describe(other.workspace);
      if (!isDeepStrictEqual(byFull, saved)) throw differs(`full restore ${generation}`, saved, byFull);
      await removeTree(path.dirname(other.workspace));
    }
    const last = job('last');
    await last.restore(keyOf(seed, generations), { restoreKeys: [] });
    const restored = await describe(last.workspace);
    if (!isDeepStrictEqual(restored, saved)) throw differs('the last restore', saved, restored);
    if (process.platform === 'linux') {
      const object = path.join(directory, 'object.tar.zst');
      await download(store, await last.objectName(keyOf(seed, generations)), object);
      const byTar = await readByTar(object, path.join(directory, 'by-tar'), Object.keys(saved), describe);
      if (!isDeepStrictEqual(byTar, saved)) throw differs('what tar finds', saved, byTar);
      counts.readByTar++;
    }
    return counts;
  } finally {
    await removeTree(directory);
    fs.mkdirSync(directory);
  }
}

const isRoot = process.getuid?.() === 0;

function keyOf(seed: number, generation: number): string {
  return `${seed}-${generation}`;
}

/** All that a manifest says of a tree, as a restore makes it; not where the data lies. */
function tellable({ manifest }: OpenArchive): Record<string, unknown> {
  const { entries } = manifest;
  return Object.fromEntries(
    entries.map(({ frame: _frame, offset: _offset, linkTo, ...entry }) => [
      entry.name,
      { ...entry, ...fileTimes.restored(entry), linkTo: linkTo < 0 ? undefined : entries[linkTo]!.name },
    ]),
  );
}

async function download(store: ObjectStore, name: string, file: string): Promise<void> {
  const { sizeBytes = 0 } = (await store.head(name)) ?? {};
  fs.writeFileSync(file, (await store.getRange(name, { start: 0, end: sizeBytes }))!.bytes);
}

/** The tree that people find with their own tools. What was deleted may come back there: it is not looked at. */
async function readByTar(
  object: string,
  directory: string,
  names: readonly string[],
  describe: (directory: string) => Promise<TreeDescription>,
): Promise<TreeDescription> {
  fs.mkdirSync(directory);
  const command = 'zstd -dc "$1" | tar --delay-directory-restore -xpPf - -C "$2"';
  execFileSync('bash', ['-o', 'pipefail', '-c', command, 'bash', object, directory]);
  const wanted = new Set(names);
  const found = await describe(directory);
  return Object.fromEntries(
    Object.entries(found)
      .filter(([name]) => wanted.has(name))
      .map(([name, entry]) => [name, withoutDeletedNames(entry, wanted)]),
  );
}

function withoutDeletedNames({ names, ...entry }: TreeEntry, wanted: ReadonlySet<string>): TreeEntry {
  const left = names?.filter(name => wanted.has(name)) ?? [];
  return left.length > 1 ? { ...entry, names: left } : entry;
}

/** The first few names whose entries are not equal, with both. */
function difference(expected: unknown, actual: unknown): string {
  const [a, b] = [expected, actual].map(value => Object(value) as Record<string, unknown>) as [
    Record<string, unknown>,
    Record<string, unknown>,
  ];
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  return names
    .filter(name => !isDeepStrictEqual(a[name], b[name]))
    .slice(0, 5)
    .map(
      name =>
        `${JSON.stringify(name)}\n  expected ${JSON.stringify(a[name])}\n  got ${JSON.stringify(b[name])}`,
    )
    .join('\n');
}
