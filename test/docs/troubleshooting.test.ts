import { expect, test } from 'vitest';
import { documents, filesBelow, read } from './documents.ts';

/** The sources as one text, with strings that are broken over lines joined. */
const sources = filesBelow('src', '.ts')
  .map(read)
  .join('\n')
  .replace(/['`] \+\n\s*['`]/g, '')
  .replaceAll('\\`', '`')
  // storage/outcomes.ts: the bucket, or the cache directory
  .replaceAll(`\${noun}`, 'bucket');

const document = read('docs/troubleshooting.md');

const messages = [...document.matchAll(/^\| (`.*?) \| /gm)]
  .flatMap(match => [...match[1]!.matchAll(/`([^`]+)`/g)])
  .map(match => match[1]!);

function expectInSources(message: string): void {
  for (const piece of message.split('…').filter(text => text.trim().length > 3)) {
    for (const clause of piece.split(/(?<=\.) /)) expect(sources.includes(clause.trim()), clause).toBe(true);
  }
}

test.each(messages)('docs/troubleshooting.md quotes a message of the sources: %s', expectInSources);

const quotes = documents.flatMap(file =>
  Array.from(read(file).matchAll(/`(Cache not [^`]+)`/g), ([, quote]) => [file, quote!] as const),
);

test.each(quotes)('%s quotes a message of the sources that begins with `Cache not`: %s', (_, quote) =>
  expectInSources(quote),
);

test('docs/troubleshooting.md quotes more than 30 messages', () => {
  expect(messages.length).toBeGreaterThan(30);
});

/** The first message of each row, by table. */
const tables = document
  .split(/\n(?=#)/)
  .map(part => Array.from(part.matchAll(/^\| `(.*?)`/gm), ([, message]) => message!));

test('each table of docs/troubleshooting.md is in the order of the alphabet', () => {
  const { compare } = new Intl.Collator('en', { ignorePunctuation: true });
  for (const table of tables) expect(table).toEqual(table.toSorted(compare));
});

test.each([
  'Cache not restored: …',
  'Failed to save: …',
  'Failed to prune: …',
  'The bucket is unavailable: …',
  'after … objects of the listing Node.js has no memory for more',
  'restored only in part, and RUNNER_TEMP cannot be written',
])('docs/troubleshooting.md has a row for the failure of a step: %s', line =>
  expect(messages).toContain(line),
);
