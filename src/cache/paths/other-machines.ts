import type { Anchors } from './anchors.ts';
import { PatternDecider } from './pattern-decider.ts';
import { type Pattern, parsePatterns } from './patterns.ts';

/**
 * Compares the decision of a step's lines about a name with the decisions of other machines. Lines with equal stored lines
 * have one version, and may still include other names: `/home/m?/x` is `~/x` if the home directory is `/home/me`.
 */
export class OtherMachines {
  readonly #lines: readonly string[];
  readonly #anchors: Anchors;
  readonly #patterns: readonly Pattern[];
  readonly #decider: PatternDecider;
  #otherCase: PatternDecider | undefined;

  /** `patterns` are those of the `path` lines, and `decider` decides by them. */
  constructor(
    lines: readonly string[],
    anchors: Anchors,
    patterns: readonly Pattern[],
    decider: PatternDecider,
  ) {
    this.#lines = lines;
    this.#anchors = anchors;
    this.#patterns = patterns;
    this.#decider = decider;
  }

  /** Returns whether another machine may include a stored name that this one does not, or the reverse. */
  mayDiffer(stored: string): boolean {
    const { windows, toAbsolute, comparable } = this.#anchors;
    if (windows && hasForeignLetters(stored)) return true;
    const absolute = toAbsolute(stored);
    const isDirectory = () => stored.endsWith('/');
    const deciding = this.#decider.decide(comparable(absolute), isDirectory);
    if (this.#patterns.some(pattern => mayMove(pattern, stored, deciding))) return true;
    const inOtherCase = this.#deciderOfOtherCase().decide(this.#comparableInOtherCase(absolute), isDirectory);
    return isIncluding(inOtherCase) !== isIncluding(deciding);
  }

  /** Returns the decider of a system that differs from this one in whether case is significant. */
  #deciderOfOtherCase(): PatternDecider {
    const comparable = (absolute: string) => this.#comparableInOtherCase(absolute);
    this.#otherCase ??= new PatternDecider(parsePatterns(this.#lines, { ...this.#anchors, comparable }));
    return this.#otherCase;
  }

  #comparableInOtherCase(absolute: string): string {
    return this.#anchors.windows ? absolute.replaceAll('\\', '/') : absolute.toLowerCase();
  }
}

/** Returns whether a stored name has a backslash or colon, which on Windows no component has. */
export function hasForeignLetters(stored: string): boolean {
  return /[\\:]/.test(stored.replace(/^[a-z]:\//i, ''));
}

/**
 * Returns whether a pattern may match a stored name on one machine and not on another. A pattern and a name below one anchor
 * move together. A line without wildcards that includes the name elsewhere has another stored line there.
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

function isIncluding(pattern: Pattern | undefined): boolean {
  return pattern?.negate === false;
}
