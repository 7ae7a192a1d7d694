/** This folder maps keys to names of objects: where they are looked up, where they are saved, and for which version. */

import type { Elsewhere, KeySpace, MatchStep } from '../../storage/backend.ts';
import { createKeySpace, decodeComponent, parseEntry, rootOf, SHARED } from './object-names.ts';

export const SCOPES = ['ref', 'repository', 'bucket'] as const;
/** Who shares entries: the runs of one ref (GitHub's rule), of one repository, or all runs that use the bucket. */
export type Scope = (typeof SCOPES)[number];

export interface ScopeOptions {
  readonly scope: Scope;
  readonly prefix: string;
  readonly version: string;
  /** `owner/name`. */
  readonly repository: string;
  /** The refs that may be read, in order of precedence (`refs/heads/main`). */
  readonly readRefs: readonly string[];
  /** The ref that is written to. */
  readonly writeRef: string;
}

export interface Spaces {
  /** In order of precedence. */
  readonly read: readonly KeySpace[];
  readonly write: KeySpace;
  /** All refs of the repository. Undefined if the step reads all places of its scope. */
  readonly elsewhere?: Elsewhere;
}

/** Returns the places that a step reads, and the one that it saves to. */
export function spacesOf(options: ScopeOptions): Spaces {
  const { scope, prefix, version } = options;
  if (scope === 'bucket') {
    const space = createKeySpace({ label: 'bucket', prefix, version, place: [SHARED, SHARED, SHARED] });
    return { read: [space], write: space };
  }
  const [owner = '', ...name] = options.repository.split('/');
  const repository = name.join('/');
  if (scope === 'repository') {
    const space = createKeySpace({
      label: 'repository',
      prefix,
      version,
      place: [owner, repository, SHARED],
    });
    return { read: [space], write: space };
  }
  const spaceOf = (ref: string) =>
    createKeySpace({ label: ref, prefix, version, place: [owner, repository, ref] });
  return {
    read: [...new Set(options.readRefs)].map(spaceOf),
    write: spaceOf(options.writeRef),
    elsewhere: allRefs(rootOf(prefix, [owner, repository])),
  };
}

/** Names all entries below a repository: those of its refs, and those that `scope: repository` shares. */
function allRefs(root: string): Elsewhere {
  return {
    root,
    parse(objectName) {
      if (!objectName.startsWith(root)) return undefined;
      const [place = '', ...rest] = objectName.slice(root.length).split('/');
      const ref = decodeComponent(place);
      const entry = parseEntry(rest.join('/'));
      if (!entry || !ref) return undefined;
      return { ...entry, label: ref === SHARED ? "scope 'repository'" : ref };
    },
  };
}

/**
 * Lists the lookups of a step in GitHub's order: for each place the exact key, then the newest entry whose key starts with
 * `primaryKey`, then for each restore-key the newest that starts with it. As in actions/cache, a match in a nearer place
 * precedes a better match in another one.
 */
export function matchSteps(
  spaces: readonly KeySpace[],
  primaryKey: string,
  restoreKeys: readonly string[],
): readonly MatchStep[] {
  return spaces.flatMap(space => [
    { kind: 'exact' as const, space, key: primaryKey },
    ...[...new Set([primaryKey, ...restoreKeys])].map(key => ({ kind: 'prefix' as const, space, key })),
  ]);
}
