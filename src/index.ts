import { createOpener } from './action/backend/open-backend.ts';
import { endWhenWritten } from './action/runner/end-process.ts';
import { listenForInterrupt } from './action/runner/interrupt.ts';
import { installLastResort, reportEarlyEnd } from './action/runner/last-resort.ts';
import { maskSecret, maskSecrets } from './action/runner/mask-secrets.ts';
import { createRunner, type Runner } from './action/runner/runner.ts';
import { becomeSudoChild, wantsSudo } from './action/runner/sudo.ts';
import { restoreStep } from './action/step/restore-step.ts';
import { rootStep } from './action/step/root-step.ts';
import { saveStep } from './action/step/save-step.ts';
import { JobRecords } from './records/job-records.ts';

/** `main` and `post` are the phases of the action; the others are the actions restore/, save/ and prune/. */
type Step = 'main' | 'post' | 'restore' | 'save' | 'prune';

/**
 * Runs one phase and ends the process when it is done, even if sockets or timers are still open. The exit status is 0 unless
 * it was cancelled or the step has failed.
 */
export async function run(step: Step): Promise<void> {
  const { env } = process;
  const { signal, trigger } = listenForInterrupt();
  becomeSudoChild(env, () => trigger('SIGINT'));
  const runner = createRunner(env);
  maskSecrets(env);
  installLastResort(runner.log);
  try {
    if (step === 'prune') await pruneStep(runner, signal);
    else if (wantsSudo(env)) await rootStep(runner, signal, step === 'main' || step === 'restore');
    else await runStep(step, runner, signal);
  } catch (error) {
    reportEarlyEnd(runner.log, error);
  }
  await endWhenWritten();
}

async function pruneStep(runner: Runner, signal: AbortSignal): Promise<void> {
  const { prune } = await import('./action/step/prune-step.ts');
  await prune(runner, signal);
}

async function runStep(step: Exclude<Step, 'prune'>, runner: Runner, signal: AbortSignal): Promise<void> {
  const { env, log } = runner;
  const records = new JobRecords(env.RUNNER_TEMP, log);
  const open = createOpener({ env, log, mask: maskSecret, records });
  switch (step) {
    case 'main':
    case 'restore':
      return restoreStep(runner, { open, signal, keepState: step === 'main' });
    case 'post':
    case 'save':
      return saveStep(runner, { open, records, signal, afterRestore: step === 'post' });
  }
}
