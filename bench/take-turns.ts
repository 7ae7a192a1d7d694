import path from 'node:path';
import { BenchError } from './bench-error.ts';
import type { DataSet } from './data/data-set.ts';
import type { Phase } from './options.ts';
import type { Place } from './place.ts';
import type { Program } from './programs/program.ts';
import { runOnce, type Sample, treeName } from './run-once.ts';
import { compareTrees, copyLargeTree, deleteLargeTree, type Workbench } from './workbench.ts';

/** Phase to program to its runs; the n-th of each belong together. */
export type Turns = ReadonlyMap<Phase, ReadonlyMap<Program, readonly Sample[]>>;

/**
 * Has each of several variants of ours save and restore a tree, in turn, `rounds` times after a warm-up whose restored
 * tree is compared with the original. All of them use the bucket of the first.
 * @throws BenchError when a save does not save, a restore does not hit, or a tree is another.
 */
export async function takeTurns(
  bench: Workbench,
  place: Place,
  data: DataSet,
  programs: readonly Program[],
  rounds: number,
): Promise<Turns> {
  const tree = path.join(place.workspace, treeName);
  const bucket = programs[0]!.bucket!;
  const runs = { save: new Map<Program, Sample[]>(), restore: new Map<Program, Sample[]>() };
  for (const program of programs)
    for (const phase of ['save', 'restore'] as const) runs[phase].set(program, []);
  await bench.gateway.bucket(bucket).create();
  copyLargeTree(data.directory, tree);
  try {
    for (let round = -1; round < rounds; round++) {
      // who begins changes from round to round
      const order = programs.map((_, place) => (place + Math.max(round, 0)) % programs.length);
      for (const index of order) {
        const program = programs[index]!;
        const key = `round-${round}-${index}`;
        for (const phase of ['save', 'restore'] as const) {
          if (phase === 'restore') deleteLargeTree(tree);
          const sample = await runOnce(bench, place, program, { phase, key, restoreKeys: [] });
          const expected = phase === 'save' ? 'saved' : 'hit';
          if (sample.told.result !== expected) throw new BenchError(`not '${expected}':\n${sample.output}`);
          if (round >= 0) runs[phase].get(program)!.push(sample);
        }
        // the first restore of each is looked at, and so is the tree that the next save begins with
        if (round < 0) compareTrees(data.directory, tree);
        await bench.gateway.empty(bucket);
      }
    }
  } finally {
    deleteLargeTree(tree);
  }
  return new Map(Object.entries(runs) as [Phase, Map<Program, Sample[]>][]);
}
