import { createOpener } from './action/backend/open-backend.ts';
import { endWhenWritten } from './action/runner/end-process.ts';
import { listenForInterrupt } from './action/runner/interrupt.ts';
import { endEarly, installLastResort } from './action/runner/last-resort.ts';
import { maskSecret, maskSecrets } from './action/runner/mask-secrets.ts';
import { createRunner, type Runner } from './action/runner/runner.ts';
import { becomeSudoChild, wantsSudo } from './action/runner/sudo.ts';
import { restoreStep } from './action/step/restore-step.ts';
import { runRootStep } from './action/step/root-step.ts';
import { saveStep } from './action/step/save-step.ts';
import { JobRecords } from './records/job-records.ts';

/** A phase of the action (`main`, `post`), or one of the actions restore/, save/ and prune/. */
type Step = 'main' | 'post' | 'restore' | 'save' | 'prune';

/**
 * Runs a step, and then ends the process even if sockets or timers are still open. The exit status is 0 unless the step has
 * failed or was cancelled.
 */
export async function run(step: Step): Promise<void> {
  const { env } = process;
  const { signal, trigger } = listenForInterrupt('step');
  becomeSudoChild(env, () => trigger('SIGINT'));
  const runner = createRunner(env);
  maskSecrets(env);
  installLastResort(runner.log);
  try {
    if (step === 'prune') {
      const { prune } = await import('./action/step/prune-step.ts');
      await prune(runner, signal);
    } else if (wantsSudo(env)) {
      await runRootStep(runner, { signal, restores: step === 'main' || step === 'restore' });
    } else {
      await restoreOrSave(step, runner, signal);
    }
  } catch (error) {
    await endEarly(runner.log, error);
  }
  await endWhenWritten();
}

function restoreOrSave(step: Exclude<Step, 'prune'>, runner: Runner, signal: AbortSignal): Promise<void> {
  const { env, log } = runner;
  const records = new JobRecords(env.RUNNER_TEMP, log);
  const open = createOpener({ env, log, mask: maskSecret, records });
  switch (step) {
    case 'main':
    case 'restore':
      return restoreStep(runner, { open, records, signal, keepState: step === 'main' });
    case 'post':
    case 'save':
      return saveStep(runner, { open, records, signal, isAfterRestore: step === 'post' });
  }
}
