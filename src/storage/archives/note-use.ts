import { systemClock } from '../../retry/clock.ts';
import { deadline, raceSignal } from '../../retry/signals.ts';
import { type ObjectInfo, type ObjectStore, orOldest } from '../object-store.ts';
import { StoreRefusedError } from '../store-errors.ts';

/** Time in ms in which only one use is noted. The save of an object counts as its first use. */
export const USE_INTERVAL_MS = 24 * 60 * 60 * 1000;

/** Longest time in ms that a step waits for a note after its transfer. */
const WAIT_MS = 250;

/** Returns undefined for a refused HEAD: without `s3:ListBucket` S3 refuses a HEAD of a missing object. Throws other errors. */
function missingIfRefused(error: unknown): undefined {
  if (!(error instanceof StoreRefusedError)) throw error;
}

/** A note of the use of an object, which is written during the transfer. */
export interface UseNote {
  /** Waits for the note, but at most 250 ms, and then aborts it. Never rejects. */
  finish(): Promise<void>;
  /** Aborts the note. Idempotent. */
  abort(): void;
}

/**
 * Notes that an object is used now: stores its marker anew, unless the object or the marker is younger than a day. The object
 * itself stays as it is, because running restores read it by its ETag. A failure is only a debug line of the store: the
 * credentials may not allow the note, and `prune` then uses only the age of the object.
 */
export function noteUse(
  store: ObjectStore,
  { modifiedMs }: Pick<ObjectInfo, 'modifiedMs'>,
  marker: string | undefined,
): UseNote {
  const stop = new AbortController();
  const { signal } = stop;
  // The later clock decides: a marker that is stored too often does no harm, but a missing one does
  const isYoung = (ms?: number) => store.laterNowMs - orOldest(ms) < USE_INTERVAL_MS;
  const note = async (name: string) => {
    const present = await store.head(name, { signal, optional: true }).catch(missingIfRefused);
    if (present && isYoung(present.modifiedMs)) return;
    await store.putEmpty(name, { signal, optional: true });
  };
  const noted = marker === undefined || isYoung(modifiedMs) ? undefined : note(marker).catch(() => {});
  return {
    async finish() {
      if (noted === undefined) return;
      const limit = deadline(WAIT_MS, systemClock);
      await raceSignal(noted, limit.signal).catch(() => stop.abort());
      limit.clear();
    },
    abort: () => stop.abort(),
  };
}
