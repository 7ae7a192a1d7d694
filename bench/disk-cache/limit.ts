import { lstatSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { ignoreErrors } from '../../src/archive/fs/ignore-errors.ts';
import type { DataSet } from '../data/data-set.ts';
import { table } from '../report/table.ts';
import type { Host } from './host.ts';
import { allAtOnce } from './together.ts';

const MB = 1e6;
const LIMIT_BYTES = 500e6;
const SAMPLE_MS = 50;

/** Restores with a disk cache that is smaller than the object, and watches the size of its directory. */
export async function keepLimit(host: Host, data: DataSet): Promise<string> {
  const program = host.program(true, undefined, LIMIT_BYTES);
  const rows: string[][] = [];
  for (const jobs of [1, 3]) {
    host.emptyFrames();
    const watch = watchSize(host.frames);
    await allAtOnce(host, data.digest, { jobs, program });
    const largest = await watch.end();
    const over = Math.max(0, largest - LIMIT_BYTES) / jobs;
    rows.push([`${jobs}`, ...[largest, over, sizeOf(host.frames)].map(bytes => (bytes / MB).toFixed(0))]);
  }
  return [
    `## A disk cache of ${LIMIT_BYTES / MB} MB`,
    table(
      ['Restores at once', 'largest size, MB', 'over the limit for each, MB', 'size at the end, MB'],
      rows,
    ),
  ].join('\n\n');
}

/** Reads the size again and again, until its end. */
function watchSize(directory: string): { end(): Promise<number> } {
  let largest = 0;
  let isOver = false;
  const watching = (async () => {
    while (!isOver) {
      largest = Math.max(largest, sizeOf(directory));
      await setTimeout(SAMPLE_MS);
    }
  })();
  return {
    async end() {
      isOver = true;
      await watching;
      return largest;
    },
  };
}

/** Returns the bytes of all files, which may be removed meanwhile. */
function sizeOf(directory: string): number {
  let bytes = 0;
  for (const name of readdirSync(directory)) {
    ignoreErrors(() => {
      bytes += lstatSync(path.join(directory, name)).size;
    });
  }
  return bytes;
}
