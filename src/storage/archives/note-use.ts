import { systemClock } from '../../retry/clock.ts';
import { deadline, unlessAborted } from '../../retry/signals.ts';
import { type ObjectInfo, type ObjectStore, orOldest } from '../object-store.ts';
import { StoreRefusedError } from '../store-errors.ts';

/** A use is noted only once in this many ms, and the save of an object is its first use. */
export const USE_INTERVAL_MS = 24 * 60 * 60 * 1000;

/** A step waits at most this many ms for a note that is not finished when its transfer is. */
const WAIT_MS = 250;

/** Without `s3:ListBucket` S3 returns 403 for an object that is missing. Whether the marker may be written is its PUT's answer. */
function missingIfRefused(error: unknown): undefined {
  if (!(error instanceof StoreRefusedError)) throw error;
}

/** A note of the use of an object, which is under way beside the transfer. */
export interface UseNote {
  /** Waits for the note for at most 250 ms, and then gives it up. Never rejects. */
  finish(): Promise<void>;
  /** Gives the note up. Idempotent. */
  abort(): void;
}

/**
 * Notes that an object is used now: stores its marker anew, unless the object or the marker is younger than a day. The
 * object itself is not rewritten, because its ETag pins the restores in flight. A failure is only a debug line of the
 * store: credentials may not allow it, and `prune` then knows only the age of the object.
 */
export function noteUse(
  store: ObjectStore,
  { modifiedMs }: Pick<ObjectInfo, 'modifiedMs'>,
  marker: string | undefined,
): UseNote {
  const stop = new AbortController();
  const { signal } = stop;
  // A marker that is stored once too often harms nothing, unlike one that is not stored
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
      await unlessAborted(noted, limit.signal).catch(() => stop.abort());
      limit.clear();
    },
    abort: () => stop.abort(),
  };
}
