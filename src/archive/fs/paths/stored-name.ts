/**
 * The directory that a stored name (layout.ts) is relative to. The name of a path below several of these directories is relative
 * to the last one in this order.
 */
export const Anchor = { root: 0, home: 1, workspace: 2 } as const;
export type Anchor = (typeof Anchor)[keyof typeof Anchor];

/** A stored name in its parts. */
export interface StoredName {
  readonly anchor: Anchor;
  /** The text of the anchor: `./`, `~/`, `/`, `C:/`, or `//` of a share. '' for a name without an anchor. */
  readonly start: string;
  /** The components below the anchor, without a slash at their end: '' for the anchor itself. */
  readonly below: string;
}

/** Parses a stored name, also an invalid one of a damaged archive. With `hasShares`, `//server/share` is not `/server/share`. */
export function parseStoredName(stored: string, hasShares: boolean): StoredName {
  const share = hasShares ? /^\/\/(?=[^/])/.exec(stored) : null;
  const start = (share ?? /^(?:\.|~|[A-Za-z]:)?\//.exec(stored))?.[0] ?? '';
  const anchor = start === './' ? Anchor.workspace : start === '~/' ? Anchor.home : Anchor.root;
  return { anchor, start, below: stored.slice(start.length).replace(/\/$/, '') };
}

/** Returns whether a component, which has no slash, is a name: neither empty nor `.` nor `..`. */
export function isPlainComponent(component: string): boolean {
  return component !== '' && component !== '.' && component !== '..';
}

/** Returns whether all components below the anchor are names (`isPlainComponent`). */
export function hasPlainComponents({ below }: StoredName): boolean {
  return below === '' || below.split('/').every(isPlainComponent);
}
