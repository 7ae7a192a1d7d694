import type { SaveOutcome } from '../backend.ts';
import { StoreRefusedError, StoreUnavailableError } from '../store-errors.ts';

/** What the client's output told of a failure (`ClientOutput`). */
export interface ReportedFailure {
  readonly failure: string | undefined;
  readonly reserveFailure: string | undefined;
  readonly skipped: string | undefined;
}

/** Why a search or download has no result; undefined: nothing failed, so it is a miss. */
export function readFailure(told: ReportedFailure): Error | undefined {
  return told.failure === undefined ? undefined : describe(told.failure, 'read');
}

/**
 * What became of a save whose client answered -1.
 *
 * @throws StoreUnavailableError or StoreRefusedError unless another job has the key.
 */
export function saveFailure(told: ReportedFailure): SaveOutcome {
  if (told.skipped !== undefined) throw new StoreRefusedError(told.skipped, undefined);
  const cause = told.reserveFailure ?? told.failure;
  if (cause !== undefined && isConflict(cause)) return { result: 'exists', source: 'github' };
  throw describe(cause ?? 'the client gave no reason', 'save');
}

/**
 * The service says 409 or `ok: false` without a message when the key is taken. The client says "another job may be
 * creating this cache" for an outage as well, so that sentence proves nothing.
 */
function isConflict(cause: string): boolean {
  return /\(409\)|already exists/i.test(cause) || cause === 'Response was not ok';
}

function describe(cause: string, what: 'read' | 'save'): Error {
  const text = withoutNoise(cause);
  if (/cache (?:read|write) denied:/.test(cause))
    return new StoreRefusedError(`GitHub's cache refuses this run: ${text}`, undefined);
  if (/quota has been hit/.test(cause))
    return new StoreRefusedError(`GitHub's cache is full: ${text}`, undefined);
  if (/tar(?:\.exe)?"? failed with error/.test(cause))
    return new StoreUnavailableError(
      what === 'read'
        ? `GitHub's cache answered, but its archive could not be unpacked, and some of its files may be there: ${text}`
        : `nothing was saved to GitHub's cache, because the archive could not be made: ${text}`,
    );
  return new StoreUnavailableError(`GitHub's cache did not answer: ${text}`);
}

/** Only the first line: the client adds paragraphs of links. */
function withoutNoise(cause: string): string {
  return (cause.split('\n')[0] ?? cause).replace(/^Failed to make request after \d+ attempts: /, '').trim();
}
