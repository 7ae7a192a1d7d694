/** This folder interprets the `path` input: which files are saved, which names a restore may write, and under which names. */

import type { PathLayout } from '../../archive/fs/paths/layout.ts';
import { type AnchorOptions, createAnchors } from './anchors.ts';
import { type Pattern, parsePatterns, type Wildcards } from './patterns.ts';
import { findRoots, isDirectory } from './roots.ts';

interface PathLayoutOptions extends AnchorOptions {
  /** The lines of the `path` input, trimmed, without empty ones. */
  readonly patterns: readonly string[];
}

/** The layout of one step, and the lines of its version. */
export interface StepLayout extends PathLayout {
  /** The `path` lines in a spelling that is equal on every runner (see `cacheVersion`). */
  readonly storedLines: readonly string[];
}

/**
 * Creates the layout of the `path` input. Of the patterns that match an entry or one of its ancestors, the last one decides:
 * `!` excludes, also inside a directory that an earlier line names, and a later line may include again.
 */
export function createPathLayout(options: PathLayoutOptions): StepLayout {
  const anchors = createAnchors(options);
  const patterns = parsePatterns(options.patterns, anchors);
  const decider = new PatternDecider(patterns);
  const firstExclusion = patterns.findIndex(({ negate }) => negate);
  const hasExclusions = firstExclusion !== -1;
  const inFound = hasExclusions && patterns.slice(firstExclusion).some(({ negate }) => !negate);

  const decide = (absolute: string, directory: () => boolean) =>
    decider.decide(anchors.comparable(absolute), directory);

  return {
    storedLines: patterns.map(({ storedLine }) => storedLine),
    hasExclusions,
    toStored: anchors.toStored,
    toAbsolute: anchors.toAbsolute,
    permits(stored) {
      if (!isStoredName(stored, anchors.windows)) return false;
      return decide(anchors.toAbsolute(stored), () => stored.endsWith('/'))?.negate === false;
    },
    excludes(absolute) {
      return hasExclusions && decide(absolute, () => isDirectory(absolute))?.negate === true;
    },
    followsLink: absolute => decider.includesLiteral(anchors.comparable(absolute)),
    async roots(signal) {
      const found = await findRoots(patterns, { comparable: anchors.comparable, inFound, signal });
      return found.filter(root => decide(root, () => isDirectory(root))?.negate === false);
    },
  };
}

/** Returns whether a name can be a stored one, in which each component is the name of a child, on this platform. */
function isStoredName(stored: string, windows: boolean): boolean {
  if (stored.includes('\0')) return false;
  // Below the anchor a backslash would separate and a colon would name a drive or a stream
  if (windows && /[\\:]/.test(stored.replace(/^[a-z]:\//i, ''))) return false;
  // `//server/share/x`
  const share = windows && /^\/\/[^/]/.test(stored) ? 1 : 0;
  const below = stored
    .slice(share)
    .replace(/^(?:\.\/|~\/|\/|[A-Za-z]:\/)/, '')
    .replace(/\/$/, '');
  return below === '' || below.split('/').every(part => part !== '' && part !== '.' && part !== '..');
}

const NONE: readonly number[] = [];

/** Returns the path without a slash at its end, which only a root has. */
function withoutEnd(comparable: string): string {
  return comparable.endsWith('/') ? comparable.slice(0, -1) : comparable;
}

/**
 * Decides which pattern applies to a path. Literal patterns are in a map by their path, so that thousands cost no more than
 * one. The decision about a directory is kept until an entry of another directory comes.
 */
class PatternDecider {
  readonly #patterns: readonly Pattern[];
  /** Indexes of the patterns without wildcards by their path, ascending. */
  readonly #literals = new Map<string, number[]>();
  #longestLiteral = -1;
  /** Patterns with wildcards and their indexes, the last one first. */
  readonly #wild: { readonly index: number; readonly wildcards: Wildcards }[] = [];
  #directory: string | undefined;
  #ofDirectory = -1;

  constructor(patterns: readonly Pattern[]) {
    this.#patterns = patterns;
    for (const [index, { wildcards, comparableLead: path }] of patterns.entries()) {
      if (wildcards !== undefined) {
        this.#wild.unshift({ index, wildcards });
        continue;
      }
      const same = this.#literals.get(path);
      if (same === undefined) this.#literals.set(path, [index]);
      else same.push(index);
      this.#longestLiteral = Math.max(this.#longestLiteral, path.length);
    }
  }

  /** Returns the last pattern that matches a path (in comparable spelling) or an ancestor. Returns undefined if none does. */
  decide(comparable: string, isDirectory: () => boolean): Pattern | undefined {
    const path = withoutEnd(comparable);
    const slash = path.lastIndexOf('/');
    const above = slash === -1 ? -1 : this.#indexOfDirectory(path.slice(0, slash));
    return this.#patterns[this.#ownIndex(path, above, isDirectory)];
  }

  /** Returns whether a pattern without wildcards, and without `!`, names this path. */
  includesLiteral(comparable: string): boolean {
    return this.#literalsAt(withoutEnd(comparable)).some(index => !this.#patterns[index]!.negate);
  }

  #literalsAt(path: string): readonly number[] {
    // Most paths are longer: their hash is not needed
    return (path.length <= this.#longestLiteral ? this.#literals.get(path) : undefined) ?? NONE;
  }

  #indexOfDirectory(path: string): number {
    if (path === this.#directory) return this.#ofDirectory;
    let last = -1;
    // A path beyond the longest literal cannot be one: stored names may have thousands of components
    for (
      let end = path.indexOf('/');
      end !== -1 && end <= this.#longestLiteral;
      end = path.indexOf('/', end + 1)
    ) {
      last = Math.max(last, this.#literalsAt(path.slice(0, end)).at(-1) ?? -1);
    }
    last = Math.max(last, this.#literalsAt(path).at(-1) ?? -1);
    const wild = this.#wild.find(({ index, wildcards }) => index < last || wildcards.matchesWithin(path));
    this.#directory = path;
    this.#ofDirectory = Math.max(last, wild?.index ?? -1);
    return this.#ofDirectory;
  }

  #ownIndex(path: string, above: number, isDirectory: () => boolean): number {
    const applies = (index: number) => !this.#patterns[index]!.directoriesOnly || isDirectory();
    const last = Math.max(
      above,
      this.#literalsAt(path).findLast(index => index > above && applies(index)) ?? -1,
    );
    const wild = this.#wild.find(
      ({ index, wildcards }) => index < last || (wildcards.matches(path) && applies(index)),
    );
    return Math.max(last, wild?.index ?? -1);
  }
}
