/**
 * Matches names against wildcards as @actions/glob 0.7.0 does (minimatch 10.2.6 with `dot`, `nobrace` and `noext`). The number of
 * steps is at most the product of both lengths. Minimatch compiles regular expressions: `*a*a*a*a*b` takes 2 s for one name of
 * 250 letters, `*a*a*a*a*a*b` takes a minute, and no signal interrupts it.
 */

/** Test that matches any number of characters of a name, or of segments of a path. */
export const ANY = Symbol('any');

/** A test of one UTF-16 unit, as in minimatch. */
type UnitTest = number | ((unit: number) => boolean);
type SegmentTest = string | ((segment: string) => boolean);
type Glob = readonly (typeof ANY | SegmentTest)[];

/** Compiles the segments of a path pattern: `**`, those with `*`, `?`, `[...]` or `\`, and literal ones. */
export function compileGlob(segments: readonly { readonly text: string; readonly isWild: boolean }[]): Glob {
  return segments.map(({ text, isWild }) => {
    if (!isWild) return text;
    return text === '**' ? ANY : compileSegment(text);
  });
}

/** Returns whether the glob matches all segments of a path. It must not end in `**`. */
export function matchesPath(glob: Glob, path: string): boolean {
  // For most paths the last segment is enough
  if (!matchesSegment(glob.at(-1) as SegmentTest, path.slice(path.lastIndexOf('/') + 1))) return false;
  return matchesWithin(glob, path, true);
}

/** Returns whether the glob matches the path or, unless it must match as a `whole`, one of its ancestors. */
export function matchesWithin(glob: Glob, path: string, whole = false): boolean {
  const segments = path.split('/');
  return align(glob, segments.length, whole, (test, i) => matchesSegment(test, segments[i]!)) >= 0;
}

/** Returns whether the glob may match a path below this one. It must not end in `**`. */
export function mayMatchBelow(glob: Glob, path: string): boolean {
  const segments = path.split('/');
  const any = glob.indexOf(ANY);
  const head = any === -1 ? glob : glob.slice(0, any);
  if (segments.length >= head.length && any === -1) return false;
  return segments
    .slice(0, head.length)
    .every((segment, i) => matchesSegment(head[i] as SegmentTest, segment));
}

function matchesSegment(test: SegmentTest, segment: string): boolean {
  return typeof test === 'string' ? test === segment : test(segment);
}

function compileSegment(pattern: string): SegmentTest {
  const tests = parseSegment(pattern);
  if (tests === undefined) return () => false;
  const end = tests.slice(1);
  if (tests[0] === ANY && end.every(test => typeof test === 'number')) {
    const suffix = String.fromCharCode(...end);
    return name => name.endsWith(suffix);
  }
  return name =>
    align(tests, name.length, true, (test, i) => {
      const unit = name.charCodeAt(i);
      return typeof test === 'number' ? test === unit : test(unit);
    }) >= 0;
}

/**
 * Matches `tests` one after the other with the items 0 to `length - 1`. Returns the number of matched items: all if `whole`, else
 * as few as possible. Returns -1 if there is no match. It is enough to return to the last ANY, because the tests before it have
 * matched as few items as possible.
 */
export function align<T>(
  tests: readonly (typeof ANY | T)[],
  length: number,
  whole: boolean,
  matches: (test: T, item: number) => boolean,
): number {
  let test = 0;
  let item = 0;
  let afterAny = -1;
  let retryItem = 0;
  for (;;) {
    if (test === tests.length && (item === length || !whole)) return item;
    const current = tests[test];
    if (current === ANY) {
      afterAny = ++test;
      retryItem = item;
    } else if (test < tests.length && item < length && matches(current as T, item)) {
      test++;
      item++;
    } else {
      if (afterAny === -1 || retryItem >= length) return -1;
      test = afterAny;
      item = ++retryItem;
    }
  }
}

/** Parses a segment. Returns undefined if it contains a class without characters. */
function parseSegment(pattern: string): readonly (typeof ANY | UnitTest)[] | undefined {
  const tests: (typeof ANY | UnitTest)[] = [];
  for (let i = 0; i < pattern.length; i++) {
    const character = pattern[i]!;
    if (character === '*') {
      if (tests.at(-1) !== ANY) tests.push(ANY);
    } else if (character === '?') {
      tests.push(() => true);
    } else if (character === '\\' && i + 1 < pattern.length) {
      tests.push(pattern.charCodeAt(++i));
    } else {
      const set = character === '[' ? parseClass(pattern, i + 1) : undefined;
      if (set === undefined) {
        tests.push(pattern.charCodeAt(i));
      } else {
        if (set.test === undefined) return undefined;
        tests.push(set.test);
        i = set.end;
      }
    }
  }
  return tests;
}

/**
 * Parses `[...]`, whose first character is at `start`. Returns the test, which is undefined if the class has no characters, and the
 * index of the closing bracket. Returns undefined if the class is not closed. Then the bracket is literal.
 */
function parseClass(pattern: string, start: number) {
  const isNegated = pattern[start] === '!' || pattern[start] === '^';
  const first = start + (isNegated ? 1 : 0);
  let members = '';
  let rangeStart: number | undefined;
  for (let i = first; i < pattern.length; i++) {
    if (pattern[i] === ']' && i > first) return { test: testOf(members, isNegated), end: i };
    const [name = ''] = /(?<=^\[:)[a-z]{1,6}(?=:\])/.exec(pattern.slice(i, i + 10)) ?? [];
    const posix = POSIX_CLASSES[name];
    if (posix !== undefined) {
      if (rangeStart !== undefined) return { test: undefined, end: i };
      members += posix;
      i += name.length + 3;
      continue;
    }
    if (pattern[i] === '\\' && i + 1 < pattern.length) i++;
    const unit = pattern.charCodeAt(i);
    if (rangeStart !== undefined) {
      if (unit >= rangeStart) members += `${escaped(rangeStart)}-${escaped(unit)}`;
      rangeStart = undefined;
    } else if (pattern[i + 1] === '-' && pattern[i + 2] !== ']') {
      rangeStart = unit;
      i++;
    } else {
      members += escaped(unit);
    }
  }
  return undefined;
}

/** Returns a test by a regular expression, which is fast because it has only one class. Returns undefined if there is no member. */
function testOf(members: string, isNegated: boolean): UnitTest | undefined {
  if (members === '') return undefined;
  const expression = new RegExp(`[${isNegated ? '^' : ''}${members}]`, 'v');
  return unit => expression.test(String.fromCharCode(unit));
}

function escaped(unit: number): string {
  return `\\u{${unit.toString(16)}}`;
}

/** The classes `[:name:]` of minimatch, for all alphabets. */
const POSIX_CLASSES: Readonly<Record<string, string>> = {
  alnum: '\\p{L}\\p{Nl}\\p{Nd}',
  alpha: '\\p{L}\\p{Nl}',
  ascii: '\\0-\\x7f',
  blank: '\\p{Zs}\\t',
  cntrl: '\\p{Cc}',
  digit: '\\p{Nd}',
  graph: '[^\\p{Z}\\p{C}]',
  lower: '\\p{Ll}',
  print: '\\P{C}',
  punct: '\\p{P}',
  space: '\\p{Z}\\t\\r\\n\\v\\f',
  upper: '\\p{Lu}',
  word: '\\p{L}\\p{Nl}\\p{Nd}\\p{Pc}',
  xdigit: 'A-Fa-f0-9',
};
