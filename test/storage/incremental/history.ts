/** One history of a cache: a tree that is saved, restored elsewhere, changed and saved again, in several generations. */

import * as fs from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { OpenArchive } from '../../../src/archive/format/open-archive.ts';
import { fileTimes } from '../../../src/archive/fs/file-times.ts';
import type { ObjectStore } from '../../../src/storage/object-store.ts';
import { isRoot } from '../../support/drop-privileges.ts';
import { untar } from '../../support/tar/untar.ts';
import { deleteTree, describeTree, type TreeDescription, treeDifferences } from '../../support/tree.ts';
import { CacheJob } from './job.ts';
import { changeTree } from './random-changes.ts';
import { plantTree, Random } from './random-tree.ts';
import { contentOf } from './save-again.ts';

interface HistoryOptions {
  readonly seed: number;
  /** Saves after the first one. */
  readonly generations: number;
  readonly store: ObjectStore;
  /** An empty directory; left empty. */
  readonly directory: string;
}

/** Counts what a history covered: one of nothing but full saves would show nothing. */
export interface SaveFacts {
  /** Saves on top of another object. */
  readonly incremental: number;
  readonly full: number;
  /** Archives that `zstd -dc | tar xf -` has read too. */
  readonly readByTar: number;
}

/**
 * Runs a history. Every object must restore to the tree that was saved, and its manifest must equal that of a full save.
 * At the end tar must find the same tree. Throws an error that names seed, generation and changes where two trees differ.
 */
export async function runHistory(options: HistoryOptions): Promise<SaveFacts> {
  const { seed, store, directory, generations } = options;
  const random = new Random(seed);
  const done: string[] = [];
  // Half of the histories have hashes of contents, as after the main phase, the others not, as after restore/
  const savesLater = random.once(2);
  const counts = { incremental: 0, full: 0, readByTar: 0 };
  const newJob = (name: string) => new CacheJob({ store, directory: path.join(directory, name) });
  const treeOf = ({ workspace }: CacheJob) => `${workspace}/tree`;
  const describe = (workspace: string) => describeTree(workspace, { owners: isRoot });
  const expectSame = (what: string, actual: object, expected: object) => {
    if (isDeepStrictEqual(actual, expected)) return;
    const found = treeDifferences({ ...actual }, { ...expected }).slice(0, 5);
    throw new Error([`seed ${seed}: ${what}`, ...found, ...done].join('\n'));
  };

  let current = newJob('0');
  try {
    plantTree(treeOf(current), random);
    await current.saveInFull(keyOf(seed, 0));
    let saved = await describe(current.workspace);
    for (let generation = 1; generation <= generations; generation++) {
      const next = newJob(`${generation}`);
      await next.restore(`none-${seed}`, { restoreKeys: [`${seed}-`], savesLater });
      expectSame(`restore ${generation}`, await describe(next.workspace), saved);
      await deleteTree(path.dirname(current.workspace));
      current = next;

      done.push(`${generation}: ${changeTree(treeOf(current), random).join('; ')}`);
      saved = await describe(current.workspace);
      const key = keyOf(seed, generation);
      // Half of them as save/, which finds the record by itself
      const outcome = await current.save(key, random.once(2) ? { base: undefined } : {});
      if (outcome.kind !== 'saved')
        throw new Error(`seed ${seed}: save ${generation}: ${JSON.stringify([outcome, ...current.lines])}`);
      counts[outcome.reusedBytes > 0 ? 'incremental' : 'full']++;

      expectSame(`save ${generation} changed the tree`, await describe(current.workspace), saved);
      await current.saveInFull(`full-${key}`);
      expectSame(
        `manifest ${generation} is not that of a full save`,
        entriesOf(await current.open(key)),
        entriesOf(await current.open(`full-${key}`)),
      );
      const other = newJob(`full-${generation}`);
      await other.restore(`full-${key}`, { restoreKeys: [] });
      expectSame(`restore of the full save ${generation}`, await describe(other.workspace), saved);
      await deleteTree(path.dirname(other.workspace));
    }
    const last = newJob('last');
    await last.restore(keyOf(seed, generations), { restoreKeys: [] });
    expectSame('the last restore', await describe(last.workspace), saved);
    if (process.platform === 'linux') {
      const extracted = path.join(directory, 'by-tar');
      fs.mkdirSync(extracted);
      untar(await last.read(keyOf(seed, generations)), extracted);
      const byTar = withNames(await describe(extracted), new Set(Object.keys(saved)));
      // A touched file has old attributes there
      if (savesLater) expectSame('the content by tar', contentOf(byTar), contentOf(saved));
      else expectSame('the tree by tar', byTar, saved);
      counts.readByTar++;
    }
    return counts;
  } finally {
    await deleteTree(directory);
    fs.mkdirSync(directory);
  }
}

function keyOf(seed: number, generation: number): string {
  return `${seed}-${generation}`;
}

/** Returns the entries of a manifest by name, with the times that a restore sets, and without the places of their data. */
function entriesOf({ manifest }: OpenArchive): Record<string, unknown> {
  const { entries } = manifest;
  return Object.fromEntries(
    entries.map(({ frame: _frame, offset: _offset, linkTo, ...entry }) => [
      entry.name,
      { ...entry, ...fileTimes.toRestored(entry), linkTo: linkTo < 0 ? undefined : entries[linkTo]!.name },
    ]),
  );
}

/** Returns a tree without names that `wanted` lacks: deleted ones come back by tar. */
function withNames(tree: TreeDescription, wanted: ReadonlySet<string>): TreeDescription {
  return Object.fromEntries(
    Object.entries(tree)
      .filter(([name]) => wanted.has(name))
      .map(([name, { names, ...entry }]) => {
        const left = names?.filter(other => wanted.has(other)) ?? [];
        return [name, left.length > 1 ? { ...entry, names: left } : entry];
      }),
  );
}
