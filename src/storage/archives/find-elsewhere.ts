import type { LookupRequest } from '../backend.ts';
import type { ObjectStore } from '../object-store.ts';

/** A scope that has the primary key, but that this step does not read. */
export interface OtherScope {
  readonly label: string;
  /** The version is this step's: only the scope differs. */
  readonly sameVersion: boolean;
}

/** A miss waits at most this many ms for its diagnosis. */
const LIMIT_MS = 2000;

/**
 * Searches the first page of all scopes for the primary key, for the diagnosis of a miss. Never rejects: a listing that
 * fails finds nothing.
 */
export async function findElsewhere(
  store: ObjectStore,
  { elsewhere, places, primaryKey, version }: LookupRequest,
  signal: AbortSignal,
): Promise<OtherScope | undefined> {
  if (!elsewhere) return undefined;
  const read = new Set(places.map(({ label }) => label));
  const limit = AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS)]);
  let found: OtherScope | undefined;
  try {
    for await (const { name } of store.list(elsewhere.root, { signal: limit, optional: true })) {
      const entry = elsewhere.parse(name);
      if (entry?.key !== primaryKey || read.has(entry.label)) continue;
      const sameVersion = entry.version === version;
      if (sameVersion) return { label: entry.label, sameVersion };
      found ??= { label: entry.label, sameVersion };
    }
  } catch {
    // A server may be slow, and a bucket policy may refuse this listing. Neither changes the miss
  }
  return found;
}
