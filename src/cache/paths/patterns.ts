import type { Minimatch } from 'minimatch';
import type { Anchors } from './anchors.ts';

/** One line of the `path` input. */
export interface Pattern {
  readonly negate: boolean;
  /** Written with a trailing separator: matches directories only. */
  readonly directoriesOnly: boolean;
  /** The absolute path it names, in the platform's spelling; undefined: it has wildcards. */
  readonly literal: string | undefined;
  /** The directory above its first wildcard, in the platform's spelling; without wildcards the path itself. */
  readonly lead: string;
  /** The line with its literal beginning mapped like a stored name: equal on every runner. */
  readonly storedLine: string;
  /** Whether it names this path itself (not one of its ancestors). */
  matches(comparable: string): boolean;
  /** Whether it may name something below this path; asked of patterns with wildcards. */
  leadsTo(comparable: string): boolean;
}

/** The flags of @actions/glob 0.7.0 (internal-pattern.js), so that a pattern means what it means to actions/cache. */
const MATCH_OPTIONS = {
  dot: true,
  nobrace: true,
  nocomment: true,
  noext: true,
  nonegate: true,
  // Names are given with `/` on every platform.
  platform: 'linux',
} as const;

/** Also a `!` alone, as of `!${{ inputs.skip }}` with an empty input: it is no word about the workspace. */
const NAMES_NOTHING = /^#|^[!\s]*$/;

/**
 * Parses the lines of the `path` input by the rules of @actions/glob: a leading `~` is the home directory, what is
 * relative lies in the workspace, `!` excludes, `#` begins a comment. A trailing `/**` says no more than the directory
 * itself, because a directory is always taken whole. minimatch is loaded only where a line has wildcards.
 */
export async function parsePatterns(lines: readonly string[], anchors: Anchors): Promise<readonly Pattern[]> {
  const drafts = lines.filter(line => !NAMES_NOTHING.test(line.trim())).map(line => draft(line, anchors));
  const matcher = drafts.some(({ segments }) => segments.some(isWild))
    ? (await import('minimatch')).Minimatch
    : undefined;
  return drafts.map(one => finish(one, anchors, matcher));
}

interface Segment {
  readonly text: string;
  readonly wild: boolean;
}

interface Draft {
  readonly negate: boolean;
  readonly directoriesOnly: boolean;
  /** `/`, `C:\` or `\\server\share\`. */
  readonly root: string;
  readonly segments: readonly Segment[];
}

const isWild = (segment: Segment) => segment.wild;

function draft(line: string, anchors: Anchors): Draft {
  let text = line.trim();
  let negate = false;
  while (text.startsWith('!')) {
    negate = !negate;
    text = text.slice(1).trim();
  }
  const separator = anchors.windows ? /[\\/]+/ : /\/+/;
  const { base, rest } = anchored(text, anchors);
  const root = anchors.platformPath.parse(base).root;
  const segments: Segment[] = base
    .slice(root.length)
    .split(separator)
    .filter(part => part !== '')
    .map(part => ({ text: part, wild: false }));
  for (const part of rest.split(separator)) {
    if (part === '' || part === '.') continue;
    if (part === '..') segments.pop();
    else segments.push({ text: part, wild: (anchors.windows ? /[*?[]/ : /[*?[\\]/).test(part) });
  }
  while (segments.at(-1)?.text === '**' && segments.at(-1)?.wild) segments.pop();
  return {
    negate,
    directoriesOnly: (anchors.windows ? /[\\/]$/ : /\/$/).test(text),
    root,
    segments,
  };
}

/** The directory a pattern starts from, and the pattern's own part. */
function anchored(text: string, anchors: Anchors): { base: string; rest: string } {
  const { platformPath, windows, workspace, home } = anchors;
  if (text === '~' || text.startsWith('~/') || (windows && text.startsWith('~\\'))) {
    return { base: home, rest: text.slice(1) };
  }
  if (platformPath.isAbsolute(text)) {
    const root = platformPath.parse(text).root;
    // `\tools` is on the drive of the workspace.
    const base = windows && /^[\\/]$/.test(root) ? platformPath.parse(workspace).root : root;
    return { base: platformPath.normalize(base), rest: text.slice(root.length) };
  }
  if (windows && /^[a-z]:/i.test(text)) {
    const sameDrive = text[0]!.toLowerCase() === workspace[0]?.toLowerCase();
    return { base: sameDrive ? workspace : `${text.slice(0, 2)}\\`, rest: text.slice(2) };
  }
  return { base: workspace, rest: text };
}

function finish(parsed: Draft, anchors: Anchors, Matcher: typeof Minimatch | undefined): Pattern {
  const { negate, directoriesOnly, root, segments } = parsed;
  const { sep } = anchors.platformPath;
  const firstWild = segments.findIndex(isWild);
  const lead = firstWild === -1 ? segments : segments.slice(0, firstWild);
  const leadPath = root + lead.map(({ text }) => text).join(sep);
  const wildPart = segments.slice(lead.length).map(({ text }) => text);
  const sign = negate ? '!' : '';
  const storedLead = anchors.toStored(leadPath);
  const shared = { negate, directoriesOnly, lead: leadPath };
  if (Matcher === undefined || firstWild === -1) {
    const own = anchors.comparable(leadPath);
    return {
      ...shared,
      literal: leadPath,
      storedLine: sign + storedLead,
      matches: comparable => comparable === own,
      leadsTo: () => false,
    };
  }
  // An absolute glob with `/` as separator and without the sign
  const glob =
    root.replaceAll('\\', '/') +
    segments.map(({ text, wild }) => (wild ? text : escapeGlob(text, anchors))).join('/');
  const matcher = new Matcher(anchors.windows ? glob.toLowerCase() : glob, MATCH_OPTIONS);
  const hasGlobstar = wildPart.includes('**');
  const depth = glob.split('/').length;
  return {
    ...shared,
    literal: undefined,
    storedLine: `${sign}${storedLead.endsWith('/') ? storedLead : `${storedLead}/`}${wildPart.join('/')}`,
    matches: comparable => matcher.match(comparable),
    // A partial match may be a whole one
    leadsTo: comparable =>
      (hasGlobstar || comparable.split('/').length < depth) && matcher.match(comparable, true),
  };
}

/** A workspace such as `/work/[1]` is no pattern. */
function escapeGlob(literal: string, anchors: Anchors): string {
  return literal.replace(anchors.windows ? /[[*?]/g : /[[*?\\]/g, found =>
    found === '\\' ? '\\\\' : `[${found}]`,
  );
}
