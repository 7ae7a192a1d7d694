import { InvalidArgumentError } from 'commander';
import { AGE_FORM, parseAge, parseSize, SIZE_FORM } from '../action/inputs/quantities.ts';
import { hasWildcard, isRepositoryPattern } from '../cache/cache-patterns.ts';

/** Readers of the options' values. Each throws `InvalidArgumentError` with the form that the value must have. */

/** Reads an age into ms. */
export function readAge(text: string): number {
  const age = parseAge(text);
  if (age === undefined) throw new InvalidArgumentError(`It must be ${AGE_FORM}.`);
  return age;
}

/** Reads a size into bytes. */
export function readSize(text: string): number {
  const size = parseSize(text);
  if (size === undefined) throw new InvalidArgumentError(`It must be ${SIZE_FORM}.`);
  return size;
}

/** Reads a whole number from 0. */
export function readCount(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}

/** Reads a whole number from 1. */
export function readPositiveCount(text: string): number {
  const count = readCount(text);
  if (count < 1) throw new InvalidArgumentError('It must be at least 1.');
  return count;
}

/** Reads the number of caches to read at the same time. */
export function readParallel(text: string): number {
  const count = readCount(text);
  if (count < 1 || count > 64) throw new InvalidArgumentError('It must be from 1 to 64.');
  return count;
}

/** Reads a pattern of scopes or keys. An empty one is that of an unset variable, and would select nothing. */
export function readPattern(text: string): string {
  if (text === '') throw new InvalidArgumentError('It must not be empty.');
  return text;
}

/** Reads a pattern of repositories. */
export function readRepositoryPattern(text: string): string {
  if (!isRepositoryPattern(text)) throw new InvalidArgumentError('It must be owner/name or a pattern of it.');
  return text;
}

/** Reads the name of one repository. */
export function readRepository(text: string): string {
  if (!isRepositoryPattern(text) || hasWildcard(text))
    throw new InvalidArgumentError('It must be owner/name.');
  return text;
}
