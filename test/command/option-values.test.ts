import { InvalidArgumentError } from 'commander';
import { expect, test } from 'vitest';
import {
  readParallel,
  readPattern,
  readPositiveCount,
  readRepository,
  readRepositoryPattern,
} from '../../src/command/option-values.ts';
import { createProgram } from '../../src/command/program.ts';

test.each<[(text: string) => unknown, string[], string[]]>([
  [readPositiveCount, ['1', '20'], ['0', '-1', '1.5', '', '1e3', 'x']],
  [readParallel, ['1', '64'], ['0', '65', '']],
  [readPattern, ['*', 'x'], ['']],
  [readRepositoryPattern, ['org/app', 'org/*', '*'], ['', 'app', '  ']],
  [readRepository, ['org/app'], ['', 'app', 'org/*', '*', 'org/ap?']],
])('%o accepts and refuses the values of its option', (read, good, bad) => {
  for (const text of good) expect(String(read(text))).toBe(text);
  for (const text of bad) expect(() => read(text)).toThrow(InvalidArgumentError);
});

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
