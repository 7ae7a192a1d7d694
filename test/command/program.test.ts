import { InvalidArgumentError } from 'commander';
import { expect, test } from 'vitest';
import { createProgram, usageSentence } from '../../src/command/program.ts';

const { commands } = createProgram({}, new AbortController().signal);

test.each(
  commands.filter(command => command.name() !== 'policy').map(command => [command.name(), command] as const),
)('%s refuses an empty repository, scope and key, as an unset variable gives them', (_, { options }) => {
  const places = options.filter(({ long }) => ['--repository', '--scope', '--key'].includes(long ?? ''));
  expect(places.length).toBeGreaterThanOrEqual(2);
  for (const option of places) expect(() => option.parseArg?.('', undefined)).toThrow(InvalidArgumentError);
});

test('prune refuses to keep the newest 0, which alone would delete every cache', () => {
  const prune = commands.find(command => command.name() === 'prune')!;
  const option = prune.options.find(({ long }) => long === '--keep-newest')!;
  expect(() => option.parseArg?.('0', undefined)).toThrow(InvalidArgumentError);
});

test.each([
  ["error: unknown command 'lsit'\n(Did you mean list?)\n", "unknown command 'lsit' (Did you mean list?)"],
  ["error: missing required argument 'key'\n", "missing required argument 'key'"],
  ['(outputHelp)', 'a subcommand is missing'],
  ["error: unknown option '--a\nb'", "unknown option '--a\nb'"],
])('the error of commander %j is one line', (text, sentence) => {
  expect(usageSentence(text)).toBe(sentence);
});
