/** This folder maps keys to names of objects: where they are looked up, where they are saved, and for which version. */

import type { RepositoryPlaces } from '../../storage/backend.ts';
import { BUCKET_PLACE, parseCacheName } from './cache-names.ts';
import { createKeyPlace, placeOf, rootOf } from './object-names.ts';

export const SCOPES = ['ref', 'repository', 'bucket'] as const;
/** The runs that share caches: all runs of one ref (GitHub's rule), of one repository, or of the bucket. */
export type Scope = (typeof SCOPES)[number];

export interface ScopeOptions {
  readonly scope: Scope;
  readonly prefix: string;
  readonly version: string;
  /** `owner/name`. */
  readonly repository: string;
  /** The refs that may be read (`refs/heads/main`), each once, in order of precedence. */
  readonly readRefs: readonly string[];
  /** The ref that is written to. */
  readonly writeRef: string;
}

/** The places that a step reads, and the one that it saves to. */
export type Places = ReturnType<typeof placesOf>;

/** Returns the places of a step. */
export function placesOf({ scope, prefix, version, repository, readRefs, writeRef }: ScopeOptions) {
  /** Creates the place of a ref, or of the scope `repository` or `bucket`. */
  const placeWith = (label: string) => {
    const root = rootOf(prefix, label === 'bucket' ? BUCKET_PLACE : placeOf(repository, label));
    return createKeyPlace({ label, root, version });
  };
  const isOfRef = scope === 'ref';
  return {
    /** The places that are read, nearest first. */
    read: (isOfRef ? readRefs : [scope]).map(placeWith),
    write: placeWith(isOfRef ? writeRef : scope),
    /** All refs of the repository. Undefined if the step reads all places of its scope. */
    elsewhere: isOfRef ? allRefs(prefix, repository) : undefined,
  };
}

/** Returns the place of all caches of a repository, of its refs and of `scope: repository`. */
function allRefs(prefix: string, repository: string): RepositoryPlaces {
  return {
    root: rootOf(prefix, placeOf(repository)),
    parse(objectName) {
      const name = parseCacheName(prefix, objectName);
      if (name?.repository !== repository) return undefined;
      const { scope, key, version } = name;
      return { label: scope === 'repository' ? "scope 'repository'" : scope, key, version };
    },
  };
}
