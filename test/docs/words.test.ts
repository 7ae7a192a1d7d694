import { expect, test } from 'vitest';
import { documents, filesBelow, read } from './documents.ts';

/** Wordings that a reader has to decode, each with a plain one. A short list, not a style guide: add only what came back. */

interface Pattern {
  readonly pattern: RegExp;
  readonly instead: string;
}

const anywhere: readonly Pattern[] = [
  { pattern: /\b(?:nobody|whoever|anybody|somebody)\b/i, instead: 'name the program, user or server' },
  { pattern: /\bends? well\b/i, instead: '"succeed"' },
  { pattern: /\bpoints? nowhere\b/i, instead: '"has an empty target" or "has a missing target"' },
  { pattern: /\btakes? out\b/i, instead: '"excludes"' },
  { pattern: /\ball the care\b/i, instead: '"needs"' },
];

const proseOnly: readonly Pattern[] = [
  { pattern: /\b(?:tells?|told|says?|said)\b/i, instead: '"log", "return", "report", "state" or "show"' },
  { pattern: /\b(?:asks?|asked)\b/i, instead: '"request", "use" or "require"' },
  { pattern: /\b(?:stands?|stood)\b(?!-in)/i, instead: '"is"' },
  { pattern: /\b(?:mends?|mended)\b/i, instead: '"repair"' },
  { pattern: /\b(?:looks?|looked) at\b/i, instead: '"check" or "read"' },
];

const commentsOnly: readonly Pattern[] = [
  ...proseOnly,
  { pattern: /\bgone\b/i, instead: '"removed" or "does not exist"' },
  { pattern: /^What /, instead: 'a verb first ("Returns …"), or the name of the thing' },
  { pattern: /(?:^|[ (])undefined: /i, instead: '"Returns undefined if …" or "undefined if …"' },
];

/** For src/ alone, where a comment names what follows it. */
const sourcesOnly: readonly Pattern[] = [
  {
    pattern: /^(?:Where|How|Why|Those|(?:Most|Fewest) bytes|Called|By \w+(?=:)|Undefined if)\b/,
    instead: 'what the value is',
  },
  { pattern: /\bsuch an? /i, instead: 'the name of the thing' },
  { pattern: /\b(?:no longer|need not|gives? up|given up)\b/i, instead: 'the plain verb' },
  { pattern: /\b(?:costs?|(?:come|comes|came) from)\b/i, instead: 'the plain verb' },
];

/** A comment before a named function, and its first word. */
const FUNCTION_COMMENT =
  /\/\*\*\s+(?:\* )?([^\s.,:]+)(?:(?!\*\/)[\s\S])*\*\/\n *(?:export )?(?:async )?function\b/g;

const titlesOnly: readonly Pattern[] = [
  { pattern: /^(?:and|so|unless) /, instead: 'a whole sentence, which a log shows alone' },
];

const testsOnly: readonly Pattern[] = [
  { pattern: /\b(?:lies?|lying)\b/i, instead: '"is", or the property that is false' },
  { pattern: /\bpatience\b/i, instead: 'the name of the time limit' },
];

/** Replaces every character but line ends, so that line numbers stay. */
const blank = (text: string) => text.replace(/[^\n]/g, ' ');

/** A document without code and quoted messages. */
function proseOf(file: string): string {
  const text = read(file);
  const prose = file.endsWith('.md') ? text.replace(/^```[\s\S]*?^```/gm, blank) : text;
  return prose.replace(/`[^`\n]*`/g, blank);
}

/** Returns one line for each pattern that occurs in a text: where, what, and what to write. */
function findingsIn(text: string, patterns: readonly Pattern[]): string[] {
  return text.split('\n').flatMap((line, index) =>
    patterns.flatMap(({ pattern, instead }) => {
      const match = pattern.exec(line);
      return match === null ? [] : [`line ${index + 1}: "${match[0].trim()}": write ${instead}`];
    }),
  );
}

const worded = [
  ...documents,
  ...['action.yml', 'restore/action.yml', 'save/action.yml', 'prune/action.yml'],
  ...filesBelow('docs/recipes', '.yml'),
  ...filesBelow('.github/workflows', '.yml'),
];

test.each(worded)('%s uses plain words', file => {
  expect(findingsIn(proseOf(file), [...anywhere, ...proseOnly])).toEqual([]);
});

/** The comments of a source, each as one line: the text without its signs. */
function commentsOf(source: string): string[] {
  const comments = source.match(/\/\*[\s\S]*?\*\/|(?<=^\s*)\/\/.*$/gm) ?? [];
  return comments.map(comment =>
    comment.replace(/^\/[*/]+\s*(?:\* )?|\s*\*+\/$/g, '').replace(/\s*\n\s*\*? ?/g, ' '),
  );
}

test.each(filesBelow('src', '.ts'))('%s uses plain words', file => {
  expect(findingsIn(read(file), anywhere)).toEqual([]);
  const patterns = [...commentsOnly, ...sourcesOnly];
  expect(commentsOf(read(file)).flatMap(comment => findingsIn(comment, patterns))).toEqual([]);
  const firstWords = Array.from(read(file).matchAll(FUNCTION_COMMENT), ([, word]) => word!);
  expect(firstWords.filter(word => !/^[A-Z][a-z]+s$/.test(word))).toEqual([]);
});

/** The titles of a file of tests. */
function titlesOf(source: string): string[] {
  const calls = source.matchAll(
    /\b(?:test|it|describe)(?:\.\w+(?:\([^()]*\)|<[^>]*>)*)*\(\s*(['"`])((?:\\.|(?!\1).)+)\1/g,
  );
  return [...calls].map(call => call[2]!);
}

const programs = [
  ...filesBelow('test', '.ts'),
  ...filesBelow('bench', '.ts'),
  ...filesBelow('scripts', '.mjs'),
].filter(file => !file.endsWith('words.test.ts'));

test.each(programs)('the comments and titles of %s use plain words', file => {
  const [comments, titles] = [commentsOf(read(file)), titlesOf(read(file))];
  const patterns = [...anywhere, ...commentsOnly, ...testsOnly];
  expect([...comments, ...titles].flatMap(text => findingsIn(text, patterns))).toEqual([]);
  expect(titles.flatMap(title => findingsIn(title, titlesOnly))).toEqual([]);
});

test('a wording that is not plain is found on its line, but not in code or in a quoted message', () => {
  expect(findingsIn('a\nboth end well\n', anywhere)).toEqual(['line 2: "end well": write "succeed"']);
  expect(proseOf('docs/troubleshooting.md')).not.toContain('Cache not found for input keys');
  expect(proseOf('README.md').split('\n')).toHaveLength(read('README.md').split('\n').length);
  const comments = commentsOf('/**\n * What a\n * b is.\n */\nlet x; // not one\n  // Or undefined: none.\n');
  expect(comments).toEqual(['What a b is.', 'Or undefined: none.']);
  expect(comments.flatMap(comment => findingsIn(comment, commentsOnly))).toHaveLength(2);
  const functions = '/** Returns a. */\nconst a = 1;\n/**\n * The b.\n */\nexport async function b() {}\n';
  expect(Array.from(functions.matchAll(FUNCTION_COMMENT), ([, word]) => word)).toEqual(['The']);
  const titles = titlesOf(`test.each(x)('and b', f); describe.each<[number]>(c)("d", f); it('e');`);
  expect(titles).toEqual(['and b', 'd', 'e']);
  expect(titles.flatMap(title => findingsIn(title, titlesOnly))).toHaveLength(1);
});
