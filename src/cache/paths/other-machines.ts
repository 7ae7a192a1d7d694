import { type Anchor, parseStoredName, type StoredName } from '../../archive/fs/paths/stored-name.ts';
import type { Anchors } from './anchors.ts';
import { PatternDecider } from './pattern-decider.ts';
import { type Pattern, parsePatterns } from './patterns.ts';

/**
 * Returns the test whether another machine may include a stored name that this one does not include, or the reverse. Lines with
 * equal stored lines have one version, but may include different names: with the home directory `/home/me`, `/home/m?/x` includes
 * `~/x`. `patterns` are from the `path` lines, and `decider` decides by them.
 */
export function compareMachines(
  lines: readonly string[],
  anchors: Anchors,
  patterns: readonly Pattern[],
  decider: PatternDecider,
): (stored: string) => boolean {
  const { isWindows, toAbsolute, toComparable, toComparableInOtherCase } = anchors;
  let otherDecider: PatternDecider | undefined;
  return stored => {
    const name = parseStoredName(stored, isWindows);
    if (isWindows && hasForeignLetters(name)) return true;
    const absolute = toAbsolute(name);
    const isDirectory = () => stored.endsWith('/');
    const deciding = decider.decide(toComparable(absolute), isDirectory);
    if (patterns.some(pattern => mayMove(pattern, name.anchor, deciding))) return true;
    otherDecider ??= new PatternDecider(
      parsePatterns(lines, { ...anchors, toComparable: toComparableInOtherCase }),
    );
    const decidingThere = otherDecider.decide(toComparableInOtherCase(absolute), isDirectory);
    return (decidingThere?.excludes === false) !== (deciding?.excludes === false);
  };
}

/** Returns whether a stored name has a backslash or colon below its anchor. On Windows no component has one. */
export function hasForeignLetters({ below }: StoredName): boolean {
  return /[\\:]/.test(below);
}

/**
 * Returns whether a pattern may match a name below an anchor on one machine and not on another. If the pattern has the same
 * anchor, it matches on every machine or on none. If it has no wildcards, its stored line is different where it includes the
 * name.
 */
function mayMove(pattern: Pattern, anchor: Anchor, deciding: Pattern | undefined): boolean {
  if (pattern.anchor === anchor) return false;
  const isFoundElsewhere = pattern.wildcards !== undefined && pattern.anchor < anchor;
  return pattern.excludes || pattern === deciding || isFoundElsewhere;
}
