import { TAIL_BYTES } from '../../src/archive/format/limits.ts';
import { type OpenArchive, openArchive } from '../../src/archive/format/open-archive.ts';
import { regionUsage } from '../../src/archive/save/reuse-estimate.ts';
import { formatSpread, median, ratio } from '../report/statistics.ts';
import { table } from '../report/table.ts';
import type { Sample } from '../run-once.ts';
import { deleteLargeTree } from '../workbench.ts';
import { applyEdit } from './edits.ts';
import type { StepRunner } from './runs.ts';

/** One save of a chain, after a restore of the one before. */
interface Generation {
  readonly save: Sample;
  readonly objectBytes: number;
  readonly deadBytes: number;
}

export interface Chain {
  readonly links: readonly Generation[];
  /** The size of a full save of the last tree. */
  readonly fullBytes: number;
  /** The generation with the largest share of dead bytes, from 1. The last one may be a full save. */
  readonly worst: number;
  /** Restores of its object and of the full save. Runs at the same index belong together. */
  readonly grown: readonly Sample[];
  readonly full: readonly Sample[];
}

/** The edits of a generation: 3 % of all files, changed, added or removed at random. */
const edits = [
  { kind: 'changed', share: 0.02 },
  { kind: 'added', share: 0.005 },
  { kind: 'removed', share: 0.005 },
] as const;

/** Measures a chain of saves that begins with the object `base` of `stock`. */
export async function measureChain(runner: StepRunner, generations: number, rounds: number): Promise<Chain> {
  const links: Generation[] = [];
  const deadShare = (generation: number) => {
    const link = links[generation - 1];
    return link ? link.deadBytes / link.objectBytes : -1;
  };
  let previous = 'base';
  let worst = 0;
  let worstDigest = '';
  for (let generation = 1; generation <= generations; generation++) {
    const key = keyOf(generation);
    deleteLargeTree(runner.tree);
    await runner.run({ phase: 'restore', key: 'none', restoreKeys: [previous], result: 'partial' });
    for (const [index, edit] of edits.entries()) {
      applyEdit(runner.tree, { ...edit, spread: 'scattered' }, generation * edits.length + index);
    }
    const save = await runner.run({ phase: 'save', key, result: 'saved', temp: 'kept' });
    const { manifest, bytes } = await open(runner, key);
    links.push({ save, objectBytes: bytes, deadBytes: regionUsage(manifest).deadBytes });
    if (deadShare(generation) > deadShare(worst)) {
      worst = generation;
      worstDigest = await runner.digest();
    }
    await runner.keepOnly([key, keyOf(worst)]);
    previous = key;
  }
  const digest = await runner.digest();
  await runner.run({ phase: 'save', key: 'full', result: 'saved' });
  const fullBytes = (await open(runner, 'full')).bytes;
  const runs = { grown: [] as Sample[], full: [] as Sample[] };
  for (let round = -1; round < rounds; round++) {
    const order = round % 2 === 0 ? (['grown', 'full'] as const) : (['full', 'grown'] as const);
    for (const which of order) {
      deleteLargeTree(runner.tree);
      const key = which === 'grown' ? keyOf(worst) : 'full';
      const run = await runner.run({ phase: 'restore', key, result: 'hit' });
      await runner.expectDigest(which === 'grown' ? worstDigest : digest);
      if (round >= 0) runs[which].push(run);
    }
  }
  return { links, fullBytes, worst, ...runs };
}

const keyOf = (generation: number) => `generation-${generation}`;

async function open(runner: StepRunner, key: string): Promise<OpenArchive & { readonly bytes: number }> {
  const object = await runner.read(key);
  const start = Math.max(0, object.length - TAIL_BYTES);
  const copy = (from: number, to: number) => Uint8Array.from(object.subarray(from, to));
  const archive = await openArchive(
    { start, bytes: copy(start, object.length) },
    object.length,
    async (from, to) => copy(from, to),
  );
  return { ...archive, bytes: object.length };
}

export function chainTable({ links, fullBytes }: Chain): string {
  const head = ['generation', 'kind', 'wall s', 'object MB', 'dead MB', 'dead', 'taken over MB'];
  const rows = links.map(({ save, objectBytes, deadBytes }, index) => [
    String(index + 1),
    save.report.reused !== undefined ? 'incremental' : 'full',
    save.wallSeconds.toFixed(2),
    (objectBytes / 1e6).toFixed(1),
    (deadBytes / 1e6).toFixed(1),
    `${((deadBytes / objectBytes) * 100).toFixed(1)} %`,
    ((save.report.reused ?? 0) / 1e6).toFixed(1),
  ]);
  return table(head, [
    ...rows,
    ['a full save', 'full', '-', (fullBytes / 1e6).toFixed(1), '0.0', '0.0 %', '0.0'],
  ]);
}

const wall = (runs: readonly Sample[]) => runs.map(run => run.wallSeconds);

export function chainRestoreLine({ worst, grown, full }: Chain): string {
  const [own, other] = [median(wall(grown)), median(wall(full))];
  const share = formatSpread(ratio(wall(grown), wall(full)), 2);
  return `Restore of the object with most dead bytes, generation ${worst}: ${own.toFixed(2)} s, of the full save's: ${other.toFixed(2)} s, **${share}** of it.`;
}

/** Returns the size of the largest object of all generations, divided by a full save of the last tree. */
export function sizeShare({ links, fullBytes }: Chain): number {
  return Math.max(...links.map(({ objectBytes }) => objectBytes)) / fullBytes;
}

export function restoreShare({ grown, full }: Chain): number {
  return ratio(wall(grown), wall(full)).median;
}
