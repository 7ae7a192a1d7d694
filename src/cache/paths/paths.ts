/** This folder interprets the `path` input: which files a save stores and under which names, and which names a restore may write. */

import type { PlatformPath } from 'node:path';
import { realPathOf } from '../../archive/fs/file-status.ts';
import { ignoreErrors } from '../../archive/fs/ignore-errors.ts';
import type { PathLayout } from '../../archive/fs/paths/layout.ts';
import { hasPlainComponents, parseStoredName } from '../../archive/fs/paths/stored-name.ts';
import { type AnchorOptions, createAnchors } from './anchors.ts';
import { compareMachines, hasForeignLetters } from './other-machines.ts';
import { PatternDecider } from './pattern-decider.ts';
import { parsePatterns } from './patterns.ts';
import { findRoots, isDirectory } from './roots.ts';

interface PathLayoutOptions extends AnchorOptions {
  /** The lines of the `path` input, trimmed, without empty ones. */
  readonly lines: readonly string[];
}

/** The layout of one step, and the lines of its version. */
export interface StepLayout extends PathLayout {
  /** The `path` lines in a spelling that is equal on every runner (see `cacheVersion`). */
  readonly storedLines: readonly string[];
  /**
   * Returns the paths that the lines include, in comparable spelling, as they are and with their links resolved. A line with
   * wildcards counts as the directory before them. A line with `!` does not count.
   */
  readonly includedPaths: () => readonly string[];
}

/**
 * Creates the layout of the `path` input. If several patterns match an entry or one of its ancestors, the last one decides. A
 * pattern with `!` may exclude a part of an earlier line's directory, and a later line may include a part of that again.
 */
export function createPathLayout(options: PathLayoutOptions): StepLayout {
  const anchors = createAnchors(options);
  const patterns = parsePatterns(options.lines, anchors);
  const decider = new PatternDecider(patterns);
  const firstExclusion = patterns.findIndex(({ excludes }) => excludes);
  const hasExclusions = firstExclusion !== -1;
  const searchesFound = hasExclusions && patterns.slice(firstExclusion).some(({ excludes }) => !excludes);

  const decide = (absolute: string, directory: () => boolean) =>
    decider.decide(anchors.toComparable(absolute), directory);

  return {
    storedLines: patterns.map(({ storedLine }) => storedLine),
    includedPaths() {
      const included = patterns.filter(({ excludes }) => !excludes);
      const paths = included.flatMap(({ lead }) => [lead, resolveExisting(lead, anchors.platformPath)]);
      return [...new Set(paths.map(anchors.toComparable))];
    },
    hasExclusions,
    toStored: anchors.toStored,
    toAbsolute: stored => anchors.toAbsolute(parseStoredName(stored, anchors.isWindows)),
    permits(stored) {
      const name = parseStoredName(stored, anchors.isWindows);
      if (name.start === '' || name.below.includes('\0') || !hasPlainComponents(name)) return false;
      // Windows would read a backslash as a separator, and a colon as the end of a drive's or a file's name
      if (anchors.isWindows && hasForeignLetters(name)) return false;
      return decide(anchors.toAbsolute(name), () => stored.endsWith('/'))?.excludes === false;
    },
    dependsOnMachine: compareMachines(options.lines, anchors, patterns, decider),
    excludes(absolute) {
      return hasExclusions && decide(absolute, () => isDirectory(absolute))?.excludes === true;
    },
    followsLink: absolute => decider.includesLiteral(anchors.toComparable(absolute)),
    async roots(signal) {
      const found = await findRoots(patterns, { toComparable: anchors.toComparable, searchesFound, signal });
      return found.filter(root => decide(root, () => isDirectory(root))?.excludes === false);
    },
  };
}

/** Resolves the links of a path, as far as the path exists. */
function resolveExisting(path: string, platformPath: PlatformPath): string {
  const resolved = ignoreErrors(() => realPathOf(path));
  const above = platformPath.dirname(path);
  if (resolved !== undefined || above === path) return resolved ?? path;
  return platformPath.join(resolveExisting(above, platformPath), platformPath.basename(path));
}
