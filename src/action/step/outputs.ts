import type { Hit } from '../../storage/outcomes.ts';
import type { Runner } from '../runner/runner.ts';

/**
 * Sets the outputs of actions/cache, `cache-size` of tespkg/actions-cache (bytes of the stored object) and
 * `cache-source`. As in actions/cache, `cache-hit` is 'true' on an exact hit, 'false' on a partial one, and not set on a
 * miss.
 */
export function setMatchOutputs(runner: Runner, match: Hit | undefined): void {
  runner.setOutput('cache-source', match?.source ?? 'none');
  if (match === undefined) return;
  runner.setOutput('cache-hit', String(match.exact));
  runner.setOutput('cache-matched-key', match.key);
  if (match.sizeBytes !== undefined) runner.setOutput('cache-size', String(match.sizeBytes));
}

/** Set before any request, so that it is there after a failure too. */
export function setKeyOutput(runner: Runner, primaryKey: string): void {
  runner.setOutput('cache-primary-key', primaryKey);
}

/** Sets the outputs where no cache responded: as in actions/cache, `cache-hit` is 'false' then, and not '' as on a miss. */
export function setUnavailableOutputs(runner: Runner): void {
  runner.setOutput('cache-hit', 'false');
  runner.setOutput('cache-source', 'none');
}
