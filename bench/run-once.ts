import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import type { Place } from './place.ts';
import { type Measured, measure } from './process/measure.ts';
import { type CacheRun, type Program, readTold, type Told } from './programs/program.ts';
import type { Workbench } from './workbench.ts';

/** One measured run of one program. */
export interface Sample extends Measured {
  /** CPU seconds of the gateway's daemons meanwhile: they share the cores with the client. */
  readonly gatewayCpuSeconds: number;
  readonly told: Told;
}

/** What is cached, below the workspace. */
export const treeName = 'tree';

/** Runs a program once, on an idle gateway and with an empty temporary directory. */
export async function runOnce(
  bench: Workbench,
  place: Place,
  program: Program,
  job: Pick<CacheRun, 'phase' | 'key' | 'restoreKeys'>,
): Promise<Sample> {
  const { workspace, temp } = place;
  await fs.rm(temp, { recursive: true, force: true });
  await fs.mkdir(temp);
  const command = program.command({ ...job, path: treeName, workspace, temp });
  // what was written before is not to be written back meanwhile
  if (place.name === 'disk') execFileSync('sync');
  await bench.gateway.untilIdle();
  const before = bench.gateway.cpuSeconds();
  const measured = await measure(command, { prefix: bench.link.prefix, stop: bench.stop });
  const gatewayCpuSeconds = bench.gateway.cpuSeconds() - before;
  return { ...measured, gatewayCpuSeconds, told: readTold(measured) };
}
