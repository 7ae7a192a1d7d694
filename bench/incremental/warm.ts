import { formatSpread, median, ratio } from '../report/statistics.ts';
import { table } from '../report/table.ts';
import type { Sample } from '../run-once.ts';
import { deleteLargeTree } from '../workbench.ts';
import { applyEdit, describeEdit, type Edit } from './edits.ts';
import type { StepRunner, Traffic } from './runs.ts';

/** Restores over an existing tree, and restores to an empty directory. */
export interface WarmRestore {
  readonly edit: Edit;
  readonly warm: readonly Sample[];
  readonly cold: readonly Sample[];
  readonly traffic: Traffic;
  readonly coldTraffic: Traffic;
}

const cold = { phase: 'restore', key: 'base', result: 'hit' } as const;
const warm = { ...cold, warm: true } as const;

/** Measures restores of the object `base` of `stock`. `digest` is that of its tree. */
export async function measureWarm(
  runner: StepRunner,
  edit: Edit,
  digest: string,
  rounds: number,
): Promise<WarmRestore> {
  const runs = { warm: [] as Sample[], cold: [] as Sample[] };
  const restoreCold = async () => {
    deleteLargeTree(runner.tree);
    return runner.run(cold);
  };
  for (let round = 0; round < rounds; round++) {
    runs.cold.push(await restoreCold());
    applyEdit(runner.tree, edit, 1 + round);
    runs.warm.push(await runner.run(warm));
    // Added files are kept
    if (edit.kind !== 'added') await runner.expectDigest(digest);
  }
  deleteLargeTree(runner.tree);
  const coldTraffic = await runner.count(cold);
  applyEdit(runner.tree, edit, 1 + rounds);
  const traffic = await runner.count(warm);
  return { edit, ...runs, traffic, coldTraffic };
}

const wall = (runs: readonly Sample[]) => runs.map(run => run.wallSeconds);

export function warmTable(restores: readonly WarmRestore[]): string {
  const head = ['', 'wall s', 'cold, wall s', 'of cold', 'received MB', 'of cold', 'requests'];
  const rows = restores.map(({ edit, warm, cold, traffic, coldTraffic }) => [
    describeEdit(edit),
    median(wall(warm)).toFixed(2),
    median(wall(cold)).toFixed(2),
    formatSpread(ratio(wall(warm), wall(cold)), 2),
    (traffic.received / 1e6).toFixed(2),
    (traffic.received / coldTraffic.received).toFixed(3),
    String(traffic.requests),
  ]);
  return table(head, rows);
}

export function warmShare({ warm, cold }: WarmRestore): number {
  return ratio(wall(warm), wall(cold)).median;
}
