import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { writeJobFile } from '../../records/job-file.ts';
import type { Runner } from '../runner/runner.ts';
import { recordDirectory, type StepPlan } from './plan.ts';

/**
 * What a restore leaves for every save of the same job and the same paths, whatever the key: that they hold neither what
 * they held nor what the cache holds. An empty file in RUNNER_TEMP, until these paths are restored whole.
 */

/** Nothing here fails the restore. */
export function noteHalfRestored(runner: Runner, plan: StepPlan, half: boolean): void {
  const file = noteFile(runner, plan);
  if (file === undefined) return;
  try {
    if (half) writeJobFile(file, '');
    else rmSync(file, { force: true });
  } catch (error) {
    runner.log.debug(`No note of the restore was kept: ${(error as Error).message}`);
  }
}

export function isHalfRestored(runner: Runner, plan: StepPlan): boolean {
  const file = noteFile(runner, plan);
  return file !== undefined && existsSync(file);
}

function noteFile({ env }: Runner, { version }: StepPlan): string | undefined {
  const directory = recordDirectory(env);
  return directory && path.join(directory, `cache-s3-half-${version}`);
}
