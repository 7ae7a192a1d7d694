import { closeSync, existsSync, fstatSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import { incompressible } from '../../test/support/random.ts';
import { applyEdit } from '../incremental/edits.ts';
import { formatSpread, ratio, spread } from '../report/statistics.ts';
import { table } from '../report/table.ts';
import type { Sample } from '../run-once.ts';
import { field, type Host, KEY } from './host.ts';

const MB = 1e6;
const CHANGED_SHARE = 0.05;
const NEXT_KEY = 'second';

/** Restores with a full disk cache and without one, in turn. Returns a section of the report. */
export async function secondRestores(host: Host, pairs: number): Promise<string> {
  host.emptyFrames();
  await host.restore(true);
  const counted = await host.countRestore(true);
  const runs = await takePairs(pairs, round => host.restore(round));
  return [
    '## Second restore on a host',
    comparison(runs),
    `Bytes from the gateway, HTTP heads included: ${(counted / MB).toFixed(2)} MB.`,
  ].join('\n\n');
}

/** Restores with an empty disk cache and without one, in turn. */
export async function firstRestores(host: Host, pairs: number): Promise<string> {
  const runs = await takePairs(pairs, async withDiskCache => {
    host.emptyFrames();
    return host.restore(withDiskCache);
  });
  return ['## First restore, the disk cache is empty', comparison(runs)].join('\n\n');
}

/** Restores a tree of which 5 % have changed, on a host that has restored the one before. */
export async function nextGeneration(host: Host): Promise<string> {
  host.emptyFrames();
  await host.restore(true, NEXT_KEY, [KEY]);
  change(host.tree);
  const saved = await host.save(NEXT_KEY, [KEY]);
  const bytes = field(saved, 'bytes');
  const counted = await host.countRestore(true, NEXT_KEY);
  return [
    '## The next generation, 5 % changed',
    `The object has ${(bytes / MB).toFixed(1)} MB. From the gateway: ${(counted / MB).toFixed(1)} MB, ${((100 * counted) / bytes).toFixed(1)} %.`,
  ].join('\n\n');
}

/** Changes 5 % of the files, or of the bytes of a single file, in one place. */
function change(tree: string): void {
  const single = path.join(tree, 'data');
  if (!existsSync(single)) {
    applyEdit(tree, { kind: 'changed', spread: 'scattered', share: CHANGED_SHARE }, 1);
    return;
  }
  const fd = openSync(single, 'r+');
  const { size } = fstatSync(fd);
  const bytes = incompressible(size * CHANGED_SHARE, 'changed');
  writeSync(fd, bytes, 0, bytes.length, Math.floor(size / 3));
  closeSync(fd);
}

interface Pairs {
  readonly without: readonly Sample[];
  readonly with: readonly Sample[];
}

async function takePairs(
  pairs: number,
  restore: (withDiskCache: boolean) => Promise<Sample>,
): Promise<Pairs> {
  const runs = { without: [] as Sample[], with: [] as Sample[] };
  for (let round = -1; round < pairs; round++) {
    for (const withDiskCache of round % 2 === 0 ? [true, false] : [false, true]) {
      const sample = await restore(withDiskCache);
      if (round >= 0) runs[withDiskCache ? 'with' : 'without'].push(sample);
    }
  }
  return runs;
}

function comparison(runs: Pairs): string {
  const rows = [
    ['wall, s', (sample: Sample) => sample.wallSeconds, 2],
    ['CPU of the client, s', (sample: Sample) => sample.cpuSeconds, 2],
    ['peak memory, MB', (sample: Sample) => sample.peakRssBytes / MB, 0],
  ] as const;
  return table(
    ['', 'without', 'with', 'ratio of the pairs'],
    rows.map(([name, value, digits]) => [
      name,
      formatSpread(spread(runs.without.map(value)), digits),
      formatSpread(spread(runs.with.map(value)), digits),
      formatSpread(ratio(runs.with.map(value), runs.without.map(value)), 2),
    ]),
  );
}
