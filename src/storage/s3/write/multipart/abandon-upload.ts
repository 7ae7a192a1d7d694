import { deadline, raceSignal } from '../../../../retry/signals.ts';
import type { Caller } from '../../calls/caller.ts';
import type { Completion } from './complete-upload.ts';
import { abortUpload, type UploadRef } from './multipart-calls.ts';

/** Time limit of an abort, in ms. */
const ABORT_MS = 15_000;
/** Time limit after a signal, in ms: the runner kills the process soon. */
const ABORT_AFTER_SIGNAL_MS = 3_000;
/** Time limit after the circuit has opened, in ms. */
const ABORT_LAST_CALL_MS = 2_000;

/**
 * Aborts a multipart upload whose requests have ended, unless it may be complete. Logs a notice if its parts may remain. Never
 * throws.
 */
export async function abandonUpload(
  caller: Caller,
  name: string,
  creation: Promise<UploadRef>,
  completion: Completion,
  saveSignal: AbortSignal | undefined,
): Promise<void> {
  if (completion.state === 'responded') return;
  if (completion.state === 'unclear') {
    caller.log.notice(
      `It is not known whether ${name} was stored, so its upload is not aborted. ` +
        "A later save or the bucket's lifecycle rule removes its remaining parts.",
    );
    return;
  }
  const limit = deadline(saveSignal?.aborted ? ABORT_AFTER_SIGNAL_MS : ABORT_MS, caller.clock);
  try {
    // An abort needs the id in the response to Create. Without it, a sweep finds the upload, if there is one
    const upload = await raceSignal(creation, limit.signal).catch(() => undefined);
    if (upload) await abortUpload(caller, upload, { signal: limit.signal, lastCallMs: ABORT_LAST_CALL_MS });
  } catch (error) {
    caller.log.notice(
      `An unfinished upload of ${name} could not be removed (${(error as Error).message}). ` +
        "A later save or the bucket's lifecycle rule removes it.",
    );
  } finally {
    limit.clear();
  }
}
