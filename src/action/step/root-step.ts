import { isOn, readInput } from '../inputs/read-input.ts';
import type { Runner } from '../runner/runner.ts';
import { runAsRoot } from '../runner/sudo.ts';
import { setFailureOutputs } from './restore-report.ts';

/**
 * Runs this phase in a child as root (input `sudo`). If sudo refuses, nothing is restored or saved, and one line reports this.
 * The step then fails only if a miss or a failed save fails it. `restores` is false for a step that saves.
 */
export async function runRootStep(
  runner: Runner,
  { signal, restores }: { readonly signal: AbortSignal; readonly restores: boolean },
): Promise<void> {
  const { env, log } = runner;
  const end = await runAsRoot([process.execPath, process.argv[1] ?? ''], env, signal);
  if (typeof end === 'number') {
    process.exitCode = end;
    return;
  }
  const sentence = `Input 'sudo' is true, but sudo refused (${end}), so the cache is not ${restores ? 'restored' : 'saved'}: allow this user to run sudo without a password and to keep the environment (NOPASSWD and SETENV).`;
  if (restores) {
    runner.setOutput('cache-primary-key', readInput(env, 'key'));
    setFailureOutputs(runner);
  }
  if (isOn(env, restores ? 'fail-on-cache-miss' : 'fail-on-save-error')) runner.fail(sentence);
  else log.warning(sentence);
}
