import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import { BenchError } from './bench-error.ts';
import type { Place } from './place.ts';
import { type Measured, measure } from './process/measure.ts';
import { type CacheRun, type Program, type RunReport, readReport } from './programs/program.ts';
import type { Workbench } from './workbench.ts';

/** One measured run of one program. */
export interface Sample extends Measured {
  /** CPU seconds of the gateway's daemons during the run: they share the cores with the client. */
  readonly gatewayCpuSeconds: number;
  readonly report: RunReport;
}

/** The cached path, below the workspace. */
export const treeName = 'tree';

interface RunOptions extends Pick<CacheRun, 'phase' | 'key' | 'restoreKeys'> {
  /** The allowed results. Undefined if the program may print none. */
  readonly expected?: readonly string[] | undefined;
  /** RUNNER_TEMP; by default the place's. */
  readonly temp?: string;
  /** Keeps the files that earlier runs left in RUNNER_TEMP. */
  readonly keepTemp?: boolean;
}

/**
 * Runs a program once, on an idle gateway.
 * @throws BenchError when it prints another result than the expected ones.
 */
export async function runOnce(
  bench: Workbench,
  place: Place,
  program: Program,
  options: RunOptions,
): Promise<Sample> {
  const { phase, key, restoreKeys, expected, temp = place.temp, keepTemp = false } = options;
  if (!keepTemp) await fs.rm(temp, { recursive: true, force: true });
  await fs.mkdir(temp, { recursive: true });
  const { workspace } = place;
  const command = program.command({ phase, key, restoreKeys, path: treeName, workspace, temp });
  // Earlier writes must not reach the disk during the run
  if (place.name === 'disk') execFileSync('sync');
  await bench.gateway.untilIdle();
  const before = bench.gateway.cpuSeconds();
  const measured = await measure(command, { prefix: bench.link.prefix, stop: bench.stop });
  const gatewayCpuSeconds = bench.gateway.cpuSeconds() - before;
  const report = readReport(measured.output);
  if (expected && !expected.includes(report.result ?? '')) {
    throw new BenchError(
      `${program.name} reports '${report.result}' for a ${phase}, not ${expected.join(' or ')}:\n${measured.output}`,
    );
  }
  return { ...measured, gatewayCpuSeconds, report };
}

/** Returns the items in an order that begins with another one in each round, so that a drift of the machine favours none. */
export function rotate<T>(items: readonly T[], round: number): readonly T[] {
  const first = Math.max(round, 0) % items.length;
  return [...items.slice(first), ...items.slice(0, first)];
}
