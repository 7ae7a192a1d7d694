import type { Anchors } from './anchors.ts';
import { PatternDecider } from './pattern-decider.ts';
import { type Pattern, parsePatterns } from './patterns.ts';

/**
 * Makes the test whether another machine may include a stored name that this one does not, or the reverse. Lines with equal
 * stored lines have one version, and may still include other names: `/home/m?/x` is `~/x` if the home directory is `/home/me`.
 * `patterns` are those of the `path` lines, and `decider` decides by them.
 */
export function compareMachines(
  lines: readonly string[],
  anchors: Anchors,
  patterns: readonly Pattern[],
  decider: PatternDecider,
): (stored: string) => boolean {
  const { windows, toAbsolute, comparable } = anchors;
  /** The spelling of a system that differs from this one in whether case is significant. */
  const inOtherCase = (absolute: string) =>
    windows ? absolute.replaceAll('\\', '/') : absolute.toLowerCase();
  let otherDecider: PatternDecider | undefined;
  return stored => {
    if (windows && hasForeignLetters(stored)) return true;
    const absolute = toAbsolute(stored);
    const isDirectory = () => stored.endsWith('/');
    const deciding = decider.decide(comparable(absolute), isDirectory);
    if (patterns.some(pattern => mayMove(pattern, stored, deciding))) return true;
    otherDecider ??= new PatternDecider(parsePatterns(lines, { ...anchors, comparable: inOtherCase }));
    const decidingThere = otherDecider.decide(inOtherCase(absolute), isDirectory);
    return (decidingThere?.negate === false) !== (deciding?.negate === false);
  };
}

/** Returns whether a stored name has a backslash or colon, which on Windows no component has. */
export function hasForeignLetters(stored: string): boolean {
  return /[\\:]/.test(stored.replace(/^[a-z]:\//i, ''));
}

/**
 * Returns whether a pattern may match a stored name on one machine and not on another. A pattern and a name below the same
 * anchor (workspace or home) match on every machine or on none. A line without wildcards that includes the name elsewhere
 * has another stored line there.
 */
function mayMove(pattern: Pattern, stored: string, deciding: Pattern | undefined): boolean {
  const order = anchorOrder(pattern.storedLine.replace(/^!/, ''));
  if (order === anchorOrder(stored)) return false;
  const isFoundElsewhere = pattern.wildcards !== undefined && order < anchorOrder(stored);
  return pattern.negate || pattern === deciding || isFoundElsewhere;
}

/** Returns the place of a name's anchor in the order root, home directory, workspace: the last one above a path names it. */
function anchorOrder(stored: string): number {
  return ['~/', './'].findIndex(anchor => stored.startsWith(anchor));
}
