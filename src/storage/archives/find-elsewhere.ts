import type { LookupRequest } from '../backend.ts';
import type { ObjectStore } from '../object-store.ts';

/** A scope that has the primary key, but that this step does not read. */
export interface OtherScope {
  readonly label: string;
  /** Whether the version is this step's, so that only the scope differs. */
  readonly hasSameVersion: boolean;
}

/** Longest time in ms that a miss waits for its diagnosis. */
const LIMIT_MS = 2000;

/**
 * Searches the first page of the repository's names for the primary key in other scopes. Returns undefined if the page has none,
 * or the listing fails. Never rejects.
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
      const scope = { label: entry.label, hasSameVersion: entry.version === version };
      if (scope.hasSameVersion) return scope;
      found ??= scope;
    }
  } catch {
    // The server may be slow, or a bucket policy may refuse this listing: a miss has no diagnosis then
  }
  return found;
}
