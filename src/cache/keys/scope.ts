/** This folder maps keys to names of objects: where they are looked up, where they are saved, and for which version. */

import type { Elsewhere, KeySpace } from '../../storage/backend.ts';
import { BUCKET_PLACE, parseCacheName } from './cache-names.ts';
import { createKeySpace, placeOf, rootOf } from './object-names.ts';

export const SCOPES = ['ref', 'repository', 'bucket'] as const;
/** Who shares entries: the runs of one ref (GitHub's rule), of one repository, or all runs that use the bucket. */
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

export interface Spaces {
  /** Nearest first. */
  readonly read: readonly KeySpace[];
  readonly write: KeySpace;
  /** All refs of the repository. Undefined if the step reads all places of its scope. */
  readonly elsewhere?: Elsewhere;
}

/** Returns the places that a step reads, and the one that it saves to. */
export function spacesOf({ scope, prefix, version, repository, readRefs, writeRef }: ScopeOptions): Spaces {
  /** `label` is a ref, `repository` or `bucket`. */
  const spaceOf = (label: string) => {
    const root = rootOf(prefix, label === 'bucket' ? BUCKET_PLACE : placeOf(repository, label));
    return createKeySpace({ label, root, version });
  };
  if (scope !== 'ref') {
    const space = spaceOf(scope);
    return { read: [space], write: space };
  }
  return {
    read: readRefs.map(spaceOf),
    write: spaceOf(writeRef),
    elsewhere: allRefs(prefix, repository),
  };
}

/** Names all entries below a repository: those of its refs, and those that `scope: repository` shares. */
function allRefs(prefix: string, repository: string): Elsewhere {
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
