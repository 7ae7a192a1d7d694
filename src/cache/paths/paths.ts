import type { PathLayout } from '../../archive/fs/layout.ts';
import { type AnchorOptions, createAnchors } from './anchors.ts';
import { type Pattern, parsePatterns } from './patterns.ts';
import { findRoots, isDirectory } from './roots.ts';

export interface PathLayoutOptions extends AnchorOptions {
  /** The lines of the `path` input, trimmed, without empty ones. */
  readonly patterns: readonly string[];
}

/** The layout of one step, and what its version is made of. */
export interface StepLayout extends PathLayout {
  /** The `path` lines in a spelling that is equal on every runner (see `cacheVersion`). */
  readonly storedLines: readonly string[];
}

/**
 * Reads the `path` input. Of the patterns that match an entry or one of its ancestors, the last decides: `!` takes
 * out, also inside a directory that an earlier line names, and a later line may take in again.
 */
export async function createPathLayout(options: PathLayoutOptions): Promise<StepLayout> {
  const anchors = createAnchors(options);
  const patterns = await parsePatterns(options.patterns, anchors);
  const decide = createDecision(patterns);
  const hasExclusions = patterns.some(({ negate }) => negate);

  const includes = (absolute: string, directory: () => boolean) =>
    patterns[decide(anchors.comparable(absolute), directory)]?.negate === false;

  return {
    storedLines: patterns.map(({ storedLine }) => storedLine),
    hasExclusions,
    toStored: anchors.toStored,
    toAbsolute: anchors.toAbsolute,
    permits(stored) {
      if (!isStoredName(stored, anchors.windows)) return false;
      return includes(anchors.toAbsolute(stored), () => stored.endsWith('/'));
    },
    excludes(absolute) {
      if (!hasExclusions) return false;
      return patterns[decide(anchors.comparable(absolute), () => isDirectory(absolute))]?.negate === true;
    },
    followsLink(absolute) {
      const path = anchors.comparable(absolute);
      return patterns.some(
        ({ negate, literal, matches }) => !negate && literal !== undefined && matches(path),
      );
    },
    async roots() {
      const found = await findRoots(patterns, { comparable: anchors.comparable, exclusions: hasExclusions });
      return found.filter(root => includes(root, () => isDirectory(root)));
    },
  };
}

/** Whether a name can be one of ours: nothing in it leads anywhere but down, on this platform. */
function isStoredName(stored: string, windows: boolean): boolean {
  if (stored.includes('\0')) return false;
  // Below the anchor a backslash would separate and a colon would name a drive or a stream.
  if (windows && /[\\:]/.test(stored.replace(/^[a-z]:\//i, ''))) return false;
  // `//server/share/x`
  const share = windows && /^\/\/[^/]/.test(stored) ? 1 : 0;
  const below = stored
    .slice(share)
    .replace(/^(?:\.\/|~\/|\/|[A-Za-z]:\/)/, '')
    .replace(/\/$/, '');
  return below === '' || below.split('/').every(part => part !== '' && part !== '.' && part !== '..');
}

/**
 * Returns the index of the pattern that decides about a path (in comparable spelling), -1 for none. What is decided
 * about a directory is remembered for everything in it.
 */
function createDecision(patterns: readonly Pattern[]) {
  const directories = new Map<string, number>();
  const always = () => true;

  function decide(path: string, directory: () => boolean): number {
    const slash = path.lastIndexOf('/', path.length - 2);
    const inherited = slash < 0 ? -1 : ofDirectory(path.slice(0, slash === 0 ? 1 : slash));
    for (let i = patterns.length - 1; i > inherited; i--) {
      const pattern = patterns[i]!;
      if (pattern.matches(path) && (!pattern.directoriesOnly || directory())) return i;
    }
    return inherited;
  }

  function ofDirectory(path: string): number {
    const known = directories.get(path);
    if (known !== undefined) return known;
    const decided = path === '/' ? ownOfRoot() : decide(path, always);
    directories.set(path, decided);
    return decided;
  }

  const ownOfRoot = () => patterns.findLastIndex(pattern => pattern.matches('/'));

  return decide;
}
