import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { BenchError } from '../bench-error.ts';
import { type DataSet, describe } from '../data/data-set.ts';
import { countTraffic } from '../incremental/traffic.ts';
import { measure } from '../process/measure.ts';
import { type Program, readReport } from '../programs/program.ts';
import { treeName } from '../run-once.ts';
import { deleteLargeTree } from '../workbench.ts';
import { field, type Host, KEY } from './host.ts';

const JOBS = 16;
const MB = 1e6;

/** Restores in sixteen workspaces at once, first with an empty disk cache and then with a full one. */
export async function restoreTogether(host: Host, data: DataSet): Promise<string> {
  host.emptyFrames();
  const rows: string[] = [];
  for (const state of ['empty', 'full']) {
    const counter = await countTraffic(host.bench.gateway.store.endpoint);
    const program = host.program(true, counter.endpoint);
    const { seconds, objectBytes, disk } = await allAtOnce(host, data.digest, {
      jobs: JOBS,
      program,
    }).finally(() => counter.close());
    const { received } = counter;
    const times = (received / objectBytes).toFixed(2);
    rows.push(
      `- ${state}: the gateway sent ${(received / MB).toFixed(1)} MB, ${times} times the object of ${(objectBytes / MB).toFixed(1)} MB; ${(disk / MB).toFixed(1)} MB came from the disk; all had ended after ${seconds.toFixed(1)} s.`,
    );
  }
  return [`## ${JOBS} restores at once`, rows.join('\n')].join('\n\n');
}

interface Together {
  readonly seconds: number;
  readonly objectBytes: number;
  readonly disk: number;
}

/** Restores in as many workspaces at once, and compares the trees with the saved one. */
export async function allAtOnce(
  host: Host,
  digest: string,
  { jobs, program }: { readonly jobs: number; readonly program: Program },
): Promise<Together> {
  deleteLargeTree(host.tree);
  const root = path.join(path.dirname(host.place.workspace), 'jobs');
  const begun = performance.now();
  try {
    const outputs = await Promise.all(
      Array.from({ length: jobs }, async (_, index) => {
        const workspace = path.join(root, `${index}`, 'workspace');
        const temp = path.join(root, `${index}`, 'temp');
        for (const directory of [workspace, temp]) mkdirSync(directory, { recursive: true });
        const run = { phase: 'restore', key: KEY, restoreKeys: [], path: treeName, workspace, temp } as const;
        const { output } = await measure(program.command(run), { stop: host.bench.stop });
        if (readReport(output).result !== 'hit') throw new BenchError(`A job reports:\n${output}`);
        return output;
      }),
    );
    const seconds = (performance.now() - begun) / 1000;
    for (const index of readdirSync(root)) {
      const found = await describe(path.join(root, index, 'workspace', treeName));
      if (found.digest !== digest) throw new BenchError(`Job ${index} restored another tree.`);
    }
    return {
      seconds,
      objectBytes: field({ output: outputs[0]! }, 'bytes'),
      disk: outputs.reduce((sum, output) => sum + field({ output }, 'disk'), 0),
    };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
