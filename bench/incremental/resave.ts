import { formatSpread, median, ratio } from '../report/statistics.ts';
import { table } from '../report/table.ts';
import type { Sample } from '../run-once.ts';
import { copyLargeTree, deleteLargeTree } from '../workbench.ts';
import { applyEdit, describeEdit, type Edit } from './edits.ts';
import type { StepRunner, Traffic } from './runs.ts';

/** Saves of a tree that was restored and edited: incremental and full ones. */
export interface Resave {
  readonly edit: Edit;
  /** Runs at the same index belong together. */
  readonly incremental: readonly Sample[];
  readonly full: readonly Sample[];
  readonly traffic: Traffic;
  readonly fullTraffic: Traffic;
}

const base = { phase: 'save', key: 'base', result: 'saved' } as const;
const restoreBase = { phase: 'restore', key: 'none', restoreKeys: ['base'], result: 'partial' } as const;
const inFull = { phase: 'save', key: 'full', result: 'saved', temp: 'another' } as const;
const onTop = { phase: 'save', key: 'grown', result: 'saved', temp: 'kept' } as const;

/** Stores `data` as the base of all measurements. */
export async function stock(runner: StepRunner, data: string): Promise<void> {
  await runner.keepOnly([]);
  deleteLargeTree(runner.tree);
  copyLargeTree(data, runner.tree);
  await runner.run(base);
}

/** Measures one edit `rounds` times, and its traffic once more. */
export async function measureResave(runner: StepRunner, edit: Edit, rounds: number): Promise<Resave> {
  const incremental: Sample[] = [];
  const full: Sample[] = [];
  const prepare = async (round: number) => {
    deleteLargeTree(runner.tree);
    await runner.run({ ...restoreBase, savesLater: edit.touchesAll ?? false });
    applyEdit(runner.tree, edit, 1 + round);
  };
  for (let round = 0; round < rounds; round++) {
    await prepare(round);
    for (const step of round % 2 === 0 ? [onTop, inFull] : [inFull, onTop]) {
      (step === onTop ? incremental : full).push(await runner.run(step));
    }
    await runner.keepOnly([base.key]);
  }
  await prepare(rounds);
  const digest = await runner.digest();
  const traffic = await runner.count(onTop);
  const fullTraffic = await runner.count(inFull);
  deleteLargeTree(runner.tree);
  await runner.run({ phase: 'restore', key: onTop.key, result: 'hit' });
  await runner.expectDigest(digest);
  await runner.keepOnly([base.key]);
  return { edit, incremental, full, traffic, fullTraffic };
}

/** Restores that note hashes of contents, because a save of the same step may follow, and restores that do not. */
export interface NotingRestores {
  /** Runs at the same index belong together. */
  readonly noting: readonly Sample[];
  readonly plain: readonly Sample[];
}

/** Measures restores of the base by another key `rounds` times, after a warm-up. */
export async function measureNoting(runner: StepRunner, rounds: number): Promise<NotingRestores> {
  const runs = { noting: [] as Sample[], plain: [] as Sample[] };
  for (let round = -1; round < rounds; round++) {
    for (const which of round % 2 === 0 ? (['noting', 'plain'] as const) : (['plain', 'noting'] as const)) {
      deleteLargeTree(runner.tree);
      const run = await runner.run({ ...restoreBase, savesLater: which === 'noting' });
      if (round >= 0) runs[which].push(run);
    }
  }
  return runs;
}

export function notingLine({ noting, plain }: NotingRestores): string {
  const [own, other] = [median(wall(noting)), median(wall(plain))];
  return `A restore that notes the hashes of all contents: ${own.toFixed(2)} s, one that does not: ${other.toFixed(2)} s, **${formatSpread(ratio(wall(noting), wall(plain)), 2)}** of it.`;
}

const wall = (runs: readonly Sample[]) => runs.map(run => run.wallSeconds);

export function resaveTable(resaves: readonly Resave[]): string {
  const head = [
    '',
    'kind',
    'wall s',
    'full, wall s',
    'of full',
    'sent MB',
    'of full',
    'stored MB',
    'requests',
  ];
  const rows = resaves.map(({ edit, incremental, full, traffic, fullTraffic }) => [
    describeEdit(edit),
    incremental.every(run => run.report.reused !== undefined) ? 'incremental' : 'full',
    median(wall(incremental)).toFixed(2),
    median(wall(full)).toFixed(2),
    formatSpread(ratio(wall(incremental), wall(full)), 2),
    (traffic.sent / 1e6).toFixed(2),
    (traffic.sent / fullTraffic.sent).toFixed(3),
    (median(incremental.map(run => run.report.bytes ?? Number.NaN)) / 1e6).toFixed(1),
    String(traffic.requests),
  ]);
  return table(head, rows);
}

/** Returns the median wall time, divided by that of a full save of the same tree. */
export function wallShare({ incremental, full }: Resave): number {
  return ratio(wall(incremental), wall(full)).median;
}
