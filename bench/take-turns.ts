import path from 'node:path';
import type { DataSet } from './data/data-set.ts';
import type { Phase } from './options.ts';
import type { Place } from './place.ts';
import type { Program } from './programs/program.ts';
import { rotate, runOnce, type Sample, treeName } from './run-once.ts';
import { compareTrees, copyLargeTree, deleteLargeTree, type Workbench } from './workbench.ts';

/** Phase to program to its runs. Runs at the same index belong together. */
export type Turns = ReadonlyMap<Phase, ReadonlyMap<Program, readonly Sample[]>>;

/**
 * Saves and restores a tree by several variants of ours in turn, `rounds` times after a warm-up whose restored tree is
 * compared with the original. All of them use the bucket of the first.
 * @throws BenchError when a save does not save, a restore does not hit, or a tree differs.
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
      for (const [index, program] of rotate([...programs.entries()], round)) {
        const key = `round-${round}-${index}`;
        for (const phase of ['save', 'restore'] as const) {
          if (phase === 'restore') deleteLargeTree(tree);
          const expected = [phase === 'save' ? 'saved' : 'hit'];
          const sample = await runOnce(bench, place, program, { phase, key, restoreKeys: [], expected });
          if (round >= 0) runs[phase].get(program)!.push(sample);
        }
        // Also the tree of the next save
        if (round < 0) compareTrees(data.directory, tree);
        await bench.gateway.empty(bucket);
      }
    }
  } finally {
    deleteLargeTree(tree);
  }
  return new Map(Object.entries(runs) as [Phase, Map<Program, Sample[]>][]);
}
