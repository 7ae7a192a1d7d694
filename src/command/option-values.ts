import { InvalidArgumentError } from 'commander';
import { AGE, type Quantity, SIZE } from '../action/inputs/quantities.ts';
import { hasWildcard, isRepositoryPattern } from '../cache/cache-patterns.ts';

/** Readers of the options' values. Each throws `InvalidArgumentError` with the form that the value must have. */

/** Reads an age into ms. */
export const readAge = createQuantityReader(AGE);
/** Reads a size into bytes. */
export const readSize = createQuantityReader(SIZE);

/** Reads a whole number from 0. */
export const readCount = createCountReader(0);
/** Reads a whole number from 1. */
export const readPositiveCount = createCountReader(1);
/** Reads the number of caches to read at the same time. */
export const readParallel = createCountReader(1, 64);

/** Reads a pattern of scopes or keys. An empty one, as of an unset shell variable, would select nothing. */
export const readPattern = createTextReader(text => text !== '', 'It must not be empty.');
/** Reads a pattern of repositories. */
export const readRepositoryPattern = createTextReader(
  isRepositoryPattern,
  'It must be owner/name or a pattern of it.',
);
/** Reads the name of one repository. */
export const readRepository = createTextReader(
  text => isRepositoryPattern(text) && !hasWildcard(text),
  'It must be owner/name.',
);

function createQuantityReader({ parse, form }: Quantity) {
  return (text: string) => parse(text) ?? refuse(`It must be ${form}.`);
}

function createCountReader(min: number, max = Number.POSITIVE_INFINITY) {
  const range = max === Number.POSITIVE_INFINITY ? `at least ${min}` : `from ${min} to ${max}`;
  return (text: string) => {
    if (!/^\d{1,15}$/.test(text)) refuse('It must be a whole number.');
    const count = Number(text);
    return count >= min && count <= max ? count : refuse(`It must be ${range}.`);
  };
}

function createTextReader(isValid: (text: string) => boolean, problem: string) {
  return (text: string) => (isValid(text) ? text : refuse(problem));
}

function refuse(problem: string): never {
  throw new InvalidArgumentError(problem);
}
