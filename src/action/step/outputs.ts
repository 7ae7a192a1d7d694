import type { Hit } from '../../storage/outcomes.ts';
import type { Runner } from '../runner/runner.ts';

/**
 * The outputs of actions/cache, `cache-size` of tespkg/actions-cache (bytes of the stored object) and `cache-source`.
 * `cache-hit` has three values there, kept for the workflows that rely on it: 'true' on an exact hit, 'false' on a
 * partial one, and not set at all on a miss.
 */
export function setMatchOutputs(runner: Runner, match: Hit | undefined): void {
  runner.setOutput('cache-source', match?.source ?? 'none');
  if (match === undefined) return;
  runner.setOutput('cache-hit', String(match.exact));
  runner.setOutput('cache-matched-key', match.key);
  if (match.sizeBytes !== undefined) runner.setOutput('cache-size', String(match.sizeBytes));
}

/** The key is known before anything is asked, also where the answer fails. */
export function setKeyOutput(runner: Runner, primaryKey: string): void {
  runner.setOutput('cache-primary-key', primaryKey);
}

/** No cache answered: actions/cache says 'false' then, not the '' of a miss. */
export function setUnavailableOutputs(runner: Runner): void {
  runner.setOutput('cache-hit', 'false');
  runner.setOutput('cache-source', 'none');
}
