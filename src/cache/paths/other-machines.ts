import { type Anchor, parseStoredName, type StoredName } from '../../archive/fs/paths/stored-name.ts';
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
    (windows ? absolute.replaceAll('\\', '/') : absolute.toLowerCase()).replace(/\/$/, '');
  let otherDecider: PatternDecider | undefined;
  return stored => {
    const name = parseStoredName(stored, windows);
    if (windows && hasForeignLetters(name)) return true;
    const absolute = toAbsolute(name);
    const isDirectory = () => stored.endsWith('/');
    const deciding = decider.decide(comparable(absolute), isDirectory);
    if (patterns.some(pattern => mayMove(pattern, name.anchor, deciding))) return true;
    otherDecider ??= new PatternDecider(parsePatterns(lines, { ...anchors, comparable: inOtherCase }));
    const decidingThere = otherDecider.decide(inOtherCase(absolute), isDirectory);
    return (decidingThere?.negate === false) !== (deciding?.negate === false);
  };
}

/** Returns whether a stored name has a backslash or colon below its anchor, which on Windows no component has. */
export function hasForeignLetters({ below }: StoredName): boolean {
  return /[\\:]/.test(below);
}

/**
 * Returns whether a pattern may match a name below an anchor on one machine and not on another. A pattern and a name below
 * the same anchor match on every machine or on none. A line without wildcards that includes the name elsewhere
 * has another stored line there.
 */
function mayMove(pattern: Pattern, anchor: Anchor, deciding: Pattern | undefined): boolean {
  if (pattern.anchor === anchor) return false;
  const isFoundElsewhere = pattern.wildcards !== undefined && pattern.anchor < anchor;
  return pattern.negate || pattern === deciding || isFoundElsewhere;
}
