import { formatSpread, median, ratio } from '../report/statistics.ts';
import { table } from '../report/table.ts';
import type { Sample } from '../run-once.ts';
import { deleteLargeTree } from '../workbench.ts';
import { applyEdit, describeEdit, type Edit } from './edits.ts';
import type { StepRunner, Traffic } from './runs.ts';

/** A restore onto a tree that is there already, and one onto nothing. */
export interface WarmRestore {
  readonly edit: Edit;
  readonly warm: readonly Sample[];
  readonly cold: readonly Sample[];
  readonly traffic: Traffic;
  readonly coldTraffic: Traffic;
}

const cold = { phase: 'restore', key: 'base', result: 'hit' } as const;
const warm = { ...cold, warm: true } as const;

/** The object `base` is there (`stock`), of a tree of which `digest` tells names and sizes. */
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
    // What others have put beside it stays
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
