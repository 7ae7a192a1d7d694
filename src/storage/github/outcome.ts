import type { Failed, Miss, SaveOutcome, Unserved } from '../outcomes.ts';
import { StoreRefusedError, StoreUnavailableError } from '../store-errors.ts';

/** HTTP status of the service's response to the last request. It is `none` if it has not responded. */
export type ServiceResponse = number | 'none' | 'not requested';

/** Facts about a call of the client that returned no result. */
export interface CallEvidence {
  /** The reason that the client printed for the failure of the call. Undefined if it printed none. */
  readonly problem: string | undefined;
  readonly serviceResponse: ServiceResponse;
}

/** Returns the outcome of a lookup or restore that found nothing. It is a miss only if the service responded with success. */
export function explainRead(evidence: CallEvidence): Miss | Unserved | Failed {
  const isMiss = evidence.problem === undefined && isSuccess(evidence.serviceResponse);
  return isMiss ? { kind: 'miss', diagnosis: undefined } : explainFailure(evidence);
}

/**
 * Returns the outcome of a save that stored nothing. A taken key has status 409, or success with `ok: false` and no message.
 * The client prints "another job may be creating this cache" after every failure, so that text proves nothing.
 */
export function explainSave(evidence: CallEvidence): SaveOutcome {
  const { problem, serviceResponse } = evidence;
  const exists = serviceResponse === 409 || (isSuccess(serviceResponse) && problem === 'Response was not ok');
  return exists ? { kind: 'exists', source: 'github' } : explainFailure(evidence);
}

/** Texts of the client and the service that refuse: by token, by cache mode (ACTIONS_CACHE_MODE) and by quota. */
const REFUSED = /cache (?:read|write) denied:|^Cache (?:restore|save) skipped:|quota has been hit/;

function explainFailure({ problem, serviceResponse }: CallEvidence): Unserved | Failed {
  const text = (problem ?? 'the client printed no reason').replace(
    /Failed to make request after \d+ attempts: |Received non-retryable error: /,
    '',
  );
  const unavailable = (message: string): Unserved => ({
    kind: 'unavailable',
    source: 'github',
    error: new StoreUnavailableError(message),
  });
  if (REFUSED.test(text) || isRefusedStatus(serviceResponse)) {
    const error = new StoreRefusedError(`GitHub's cache refused the request: ${text}`, []);
    return { kind: 'refused', source: 'github', error };
  }
  if (serviceResponse === 'none') return unavailable(`GitHub's cache did not respond: ${text}`);
  if (serviceResponse !== 'not requested' && /tar(?:\.exe)?"? failed with error/.test(text)) {
    const clauses = 'has the key, but its archive could not be unpacked and some files may have been written';
    return { kind: 'failed', error: new Error(`GitHub's cache ${clauses}: ${text}`) };
  }
  return unavailable(`GitHub's cache could not be used: ${text}`);
}

/** Returns true for a status from 200 to 299. */
export function isSuccess(response: ServiceResponse): boolean {
  return typeof response === 'number' && response >= 200 && response < 300;
}

/** Returns true if a retry of a request with this response cannot help. */
export function isRefusedStatus(response: ServiceResponse): boolean {
  return typeof response === 'number' && response >= 400 && response < 500 && ![408, 429].includes(response);
}

/**
 * Returns true if the service may return `key` for the requested keys, which are prefixes. Letters of either case count
 * as equal, as they do in actions/cache (isExactKeyMatch), so that a service that ignores case still hits.
 */
export function isRequestedKey(key: string, requested: readonly string[]): boolean {
  if (requested.includes(key)) return true;
  if (key.length > 512 || /[\p{Cc}\p{Zl}\p{Zp}]/u.test(key)) return false;
  return requested.some(prefix => key.toLowerCase().startsWith(prefix.toLowerCase()));
}
