import { parseStoredName } from '../../archive/fs/paths/stored-name.ts';
import type { Anchors } from './anchors.ts';
import { compileGlob, matchesPath, matchesWithin, mayMatchBelow } from './glob.ts';

/** One line of the `path` input. */
export type Pattern = Readonly<ReturnType<typeof parsePattern>>;

export type Wildcards = ReturnType<typeof createWildcards>;

/** Lines that name nothing. `!${{ inputs.skip }}` with an empty input is `!`, which does not mean the workspace. */
const NAMES_NOTHING = /^#|^[!\s]*$/;

/** The signs before a line's text. Each `!` turns inclusion into exclusion, or back. */
const SIGNS = /^[!\s]*/;

/** Returns whether a line of the `path` input names something to save, and is no exclusion, no comment and not empty. */
export function isIncluding(line: string): boolean {
  return !NAMES_NOTHING.test(line.trim()) && !isNegated(SIGNS.exec(line)![0]);
}

function isNegated(signs: string): boolean {
  return signs.replaceAll(/\s/g, '').length % 2 === 1;
}

/**
 * Parses the lines of the `path` input by the rules of @actions/glob. A leading `~` is the home directory, and a relative path is
 * in the workspace. `!` excludes, and `#` begins a comment. A trailing `/**` has no effect, because a directory is always saved
 * as a whole.
 */
export function parsePatterns(lines: readonly string[], anchors: Anchors): readonly Pattern[] {
  return lines.filter(line => !NAMES_NOTHING.test(line.trim())).map(line => parsePattern(line, anchors));
}

interface Segment {
  readonly text: string;
  readonly isWild: boolean;
}

function parsePattern(line: string, anchors: Anchors) {
  const signs = SIGNS.exec(line)![0];
  const text = line.slice(signs.length).trim();
  const excludes = isNegated(signs);
  const { base, rest } = splitBase(text, anchors);
  // `/`, `C:\` or `\\server\share\`
  const root = anchors.platformPath.parse(base).root;
  const segments = splitSegments(base.slice(root.length), rest, anchors);
  const firstWild = segments.findIndex(({ isWild }) => isWild);
  const wildPart = firstWild === -1 ? [] : segments.slice(firstWild);
  const leadPart = segments.slice(0, segments.length - wildPart.length);
  const lead = root + leadPart.map(part => part.text).join(anchors.platformPath.sep);
  const storedLead = anchors.toStored(lead);
  const beforeWild = wildPart.length === 0 || storedLead.endsWith('/') ? storedLead : `${storedLead}/`;
  const comparableLead = anchors.toComparable(lead);
  return {
    /** Whether it excludes (`!`). */
    excludes,
    /** Whether it matches only directories, because it is written with a separator at its end. */
    isForDirectories: (anchors.isWindows ? /[\\/]$/ : /\/$/).test(text),
    /** The absolute path above the first wildcard, or the whole path if there is none, in the platform's spelling. */
    lead,
    /** The lead in comparable spelling. */
    comparableLead,
    /** The anchor of the lead. */
    anchor: parseStoredName(storedLead, anchors.isWindows).anchor,
    /** The line with its lead mapped to a stored name: equal on every runner. */
    storedLine: `${excludes ? '!' : ''}${beforeWild}${wildPart.map(part => part.text).join('/')}`,
    /** The wildcards. Undefined if the line has none. */
    wildcards: wildPart.length === 0 ? undefined : createWildcards(comparableLead, wildPart, anchors),
  };
}

/** Splits a path at its separators. Resolves `.` and `..`, and leaves out `**` at the end. The base has no wildcards. */
function splitSegments(base: string, rest: string, { isWindows }: Anchors): readonly Segment[] {
  const separator = isWindows ? /[\\/]+/ : /\/+/;
  const segments: Segment[] = base
    .split(separator)
    .filter(part => part !== '')
    .map(part => ({ text: part, isWild: false }));
  for (const part of rest.split(separator)) {
    if (part === '' || part === '.') continue;
    if (part === '..') segments.pop();
    else segments.push({ text: part, isWild: (isWindows ? /[*?[]/ : /[*?[\\]/).test(part) });
  }
  while (segments.at(-1)?.text === '**' && segments.at(-1)?.isWild) segments.pop();
  return segments;
}

/** Returns the directory that a line is relative to, and the rest of the line. */
function splitBase(text: string, anchors: Anchors): { base: string; rest: string } {
  const { platformPath, isWindows, workspace, home } = anchors;
  if (text === '~' || text.startsWith('~/') || (isWindows && text.startsWith('~\\'))) {
    return { base: home, rest: text.slice(1) };
  }
  if (platformPath.isAbsolute(text)) {
    const root = platformPath.parse(text).root;
    // `\tools` is relative to the drive of the workspace
    const base = isWindows && /^[\\/]$/.test(root) ? platformPath.parse(workspace).root : root;
    return { base: platformPath.normalize(base), rest: text.slice(root.length) };
  }
  if (isWindows && /^[a-z]:/i.test(text)) {
    const isSameDrive = text[0]!.toLowerCase() === workspace[0]?.toLowerCase();
    return { base: isSameDrive ? workspace : `${text.slice(0, 2)}\\`, rest: text.slice(2) };
  }
  return { base: workspace, rest: text };
}

/** Creates the functions that match paths in comparable spelling. */
function createWildcards(lead: string, segments: readonly Segment[], anchors: Anchors) {
  const glob = compileGlob(segments.map(one => ({ ...one, text: anchors.toComparable(one.text) })));
  const below = `${lead}/`;
  const belowLead = (test: typeof matchesPath) => (path: string) =>
    path.startsWith(below) && test(glob, path.slice(below.length));
  return {
    matches: belowLead(matchesPath),
    /** Returns whether this path or a directory above it matches. */
    matchesWithin: belowLead(matchesWithin),
    /** Returns whether something below this path may match. */
    leadsTo: belowLead(mayMatchBelow),
  };
}
