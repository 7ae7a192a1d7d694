import { isOn, readInput } from '../inputs/read-input.ts';
import { setKeyOutput, setUnavailableOutputs } from '../step/outputs.ts';
import type { Runner } from './runner.ts';

/** sudo did not let us: one sentence, and a miss or no save. Fails the step only where a miss or a failed save does. */
export function sudoRefused(runner: Runner, reason: string, restoring: boolean): void {
  const sentence = `Input 'sudo' is true, but sudo refused (${reason}), so the cache is not ${restoring ? 'restored' : 'saved'}: it has to run without a password and to keep the environment (NOPASSWD and SETENV).`;
  if (restoring) {
    setKeyOutput(runner, readInput(runner.env, 'key'));
    setUnavailableOutputs(runner);
  }
  if (isOn(runner.env, restoring ? 'fail-on-cache-miss' : 'fail-on-save-error')) runner.fail(sentence);
  else runner.log.warning(sentence);
}
