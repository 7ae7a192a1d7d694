import { expect, test } from 'vitest';
import { filesBelow, read } from './documents.ts';

/** The sources as one text, with strings that are broken over lines joined. */
const sources = filesBelow('src', '.ts')
  .map(read)
  .join('\n')
  .replace(/['`] \+\n\s*['`]/g, '')
  .replaceAll('\\`', '`')
  // storage/fallback.ts: the bucket, or the cache directory
  .replaceAll(`\${place}`, 'bucket');

const messages = [...read('docs/troubleshooting.md').matchAll(/^\| (`.*?) \| /gm)]
  .flatMap(match => [...match[1]!.matchAll(/`([^`]+)`/g)])
  .map(match => match[1]!);

test.each(messages)('docs/troubleshooting.md quotes a message of the sources: %s', message => {
  for (const piece of message.split('…').filter(text => text.trim().length > 3)) {
    for (const clause of piece.split(/(?<=\.) /)) expect(sources.includes(clause.trim()), clause).toBe(true);
  }
});

test('docs/troubleshooting.md quotes more than 30 messages', () => {
  expect(messages.length).toBeGreaterThan(30);
});
