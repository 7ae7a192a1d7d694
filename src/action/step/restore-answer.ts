import { randomBytes } from 'node:crypto';
import { DamagedArchiveError, TargetTreeError } from '../../archive/archive-errors.ts';
import type { Progress } from '../../report/progress.ts';
import type { CacheMatch, DamagedObject, LookupRequest, RestoreOutcome } from '../../storage/backend.ts';
import { StoreRefusedError, StoreUnavailableError } from '../../storage/store-errors.ts';
import type { StepBackend } from '../backend/open.ts';
import type { Runner } from '../runner/runner.ts';
import { recordDirectory, type StepPlan } from './plan.ts';

type Match = CacheMatch & Partial<Pick<RestoreOutcome, 'entries' | 'rawBytes'>>;

/** How the question of a restore was answered. */
export type Answer =
  | { readonly kind: 'match'; readonly match: Match }
  | { readonly kind: 'miss' }
  | { readonly kind: 'damaged'; readonly object: DamagedObject | undefined }
  /** Nobody could say, or the tree could not be written. `halfway`: some of it was. */
  | { readonly kind: 'failed'; readonly reason: string; readonly halfway?: boolean };

/**
 * Restores, or only looks up. What goes wrong is said and becomes an answer; only a signal is left to the caller to say.
 * Never throws.
 */
export async function ask(
  runner: Runner,
  plan: StepPlan,
  backend: StepBackend,
  request: LookupRequest,
  progress: Progress,
): Promise<Answer> {
  const { GITHUB_RUN_ID: run = '0' } = runner.env;
  try {
    const asked: Promise<Match | undefined> = plan.inputs.lookupOnly
      ? backend.lookup(request)
      : backend.restore({
          ...request,
          layout: plan.layout,
          // Jobs of one run may share a directory: the run's number alone is not unique.
          runLabel: `${run.replace(/\D/g, '')}-${randomBytes(4).toString('hex')}`,
          warm: plan.inputs.warmRestore,
          recordDirectory: recordDirectory(runner.env),
        });
    // Whatever came of it is said below the progress, not in its group
    const match = await asked.finally(progress.end);
    if (match !== undefined) return { kind: 'match', match };
    if (backend.unanswered !== undefined) return { kind: 'failed', reason: backend.unanswered };
    return { kind: 'miss' };
  } catch (error) {
    const reason = (error as Error).message;
    runner.log.debug((error as Error).stack ?? reason);
    const halfway = error instanceof TargetTreeError && error.halfway;
    if (request.signal?.aborted) return { kind: 'failed', reason, halfway };
    if (error instanceof DamagedArchiveError) {
      runner.log.warning(`Cache not restored, its object is damaged and nothing was written: ${reason}`);
      return { kind: 'damaged', object: error.object };
    }
    const outage = error instanceof StoreUnavailableError || error instanceof StoreRefusedError;
    if (outage) runner.log.warning(`${reason}.`);
    else if (halfway) runner.log.warning(`Cache restored only in part: ${reason}`);
    else runner.log.warning(`Cache not restored: ${reason}`);
    return { kind: 'failed', reason, halfway };
  }
}
