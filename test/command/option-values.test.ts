import { InvalidArgumentError } from 'commander';
import { expect, test } from 'vitest';
import {
  readParallel,
  readPattern,
  readPositiveCount,
  readRepository,
  readRepositoryPattern,
} from '../../src/command/option-values.ts';

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
