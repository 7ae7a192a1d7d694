import { isOn, readInput } from '../inputs/read-input.ts';
import type { Runner } from '../runner/runner.ts';
import { runAsRoot } from '../runner/sudo.ts';
import { setKeyOutput, setUnavailableOutputs } from './restore-report.ts';

/**
 * Runs this phase in a child as root (input `sudo`). If sudo refuses, one line reports it: nothing is restored or saved,
 * and the step fails only where a miss or a failed save fails it.
 */
export async function rootStep(runner: Runner, signal: AbortSignal, restoring: boolean): Promise<void> {
  const end = await runAsRoot([process.execPath, process.argv[1] ?? ''], runner.env, signal);
  if (end.kind === 'ran') process.exitCode = end.exitCode;
  else reportRefusal(runner, end.reason, restoring);
}

function reportRefusal(runner: Runner, reason: string, restoring: boolean): void {
  const { env, log } = runner;
  const sentence = `Input 'sudo' is true, but sudo refused (${reason}), so the cache is not ${restoring ? 'restored' : 'saved'}: allow this user to run sudo without a password and to keep the environment (NOPASSWD and SETENV).`;
  if (restoring) {
    setKeyOutput(runner, readInput(env, 'key'));
    setUnavailableOutputs(runner);
  }
  if (isOn(env, restoring ? 'fail-on-cache-miss' : 'fail-on-save-error')) runner.fail(sentence);
  else log.warning(sentence);
}
