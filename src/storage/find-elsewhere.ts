import type { LookupRequest } from './backend.ts';
import type { ObjectStore } from './object-store.ts';

/** A place that holds the primary key, but that this step does not read. */
export interface OtherPlace {
  readonly label: string;
  /** Its version is this step's too: only the place is in the way. */
  readonly sameVersion: boolean;
}

/** The answer to a miss waits no longer than this many ms for its diagnosis. */
const LIMIT_MS = 2000;

/**
 * Looks at the first page of all places for the primary key, for the diagnosis of a miss. Never rejects: what cannot be
 * seen is not there.
 */
export async function findElsewhere(
  store: ObjectStore,
  { elsewhere, plan, primaryKey, version }: LookupRequest,
  signal: AbortSignal,
): Promise<OtherPlace | undefined> {
  if (!elsewhere) return undefined;
  const read = new Set(plan.map(({ space }) => space.label));
  const limit = AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS)]);
  let found: OtherPlace | undefined;
  try {
    for await (const { name } of store.list(elsewhere.root, { signal: limit, optional: true })) {
      const entry = elsewhere.parse(name);
      if (entry?.key !== primaryKey || read.has(entry.label)) continue;
      const sameVersion = entry.version === version;
      if (sameVersion) return { label: entry.label, sameVersion };
      found ??= { label: entry.label, sameVersion };
    }
  } catch {
    // A server that is slow or refuses this listing (bucket policies may) has answered the question itself
  }
  return found;
}
