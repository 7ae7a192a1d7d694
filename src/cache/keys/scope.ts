import type { Elsewhere, KeySpace } from '../../storage/backend.ts';
import { decodeComponent } from './encode.ts';
import { createKeySpace, parseEntry, rootOf } from './key-space.ts';

export const SCOPES = ['ref', 'repository', 'bucket'] as const;
/** Who shares entries: the runs of one ref (GitHub's rule), of one repository, or of everyone who uses the bucket. */
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
  /** The places of all refs, where only some of them are read. */
  readonly elsewhere?: Elsewhere;
}

/** The place of what is shared wider than the component says. No ref is named so: refs begin with `refs/`. */
const SHARED = '_';

/** Where a step looks for entries and where it puts its own. */
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

/** What lies below a repository: the places of its refs, and what `scope: repository` shares. */
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
