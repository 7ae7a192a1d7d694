/** Parsing of the benches' command lines. */

import { type ParseArgsConfig, parseArgs } from 'node:util';
import { BenchError } from './bench-error.ts';

/** Returns the values of a command line. `--help` prints the usage and ends the process. Throws `BenchError` for an unknown option. */
export function readOptions<const T extends NonNullable<ParseArgsConfig['options']>>(
  args: readonly string[],
  options: T,
  usage: string,
) {
  if (args.includes('--help')) {
    console.log(usage);
    process.exit(0);
  }
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    throw new BenchError(`${(error as Error).message}\n${usage}`);
  }
}

/** Returns the words of a list with commas. Returns undefined if it is not given. Throws `BenchError` for a word that is not allowed. */
export function list<T extends string>(
  name: string,
  text: string | undefined,
  allowed: readonly T[],
): readonly T[] | undefined {
  if (text === undefined) return undefined;
  const words = text.split(',');
  const bad = words.find(word => !allowed.includes(word as T));
  if (bad === undefined) return words as T[];
  throw new BenchError(`--${name} names '${bad}', but it has to be a list of ${allowed.join(', ')}.`);
}

/** Returns a whole number within bounds. Returns undefined if it is not given. Throws `BenchError` for any other text. */
export function integer(
  name: string,
  text: string | undefined,
  min: number,
  max: number,
): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new BenchError(`--${name} is '${text}', but it has to be a whole number from ${min} to ${max}.`);
}

/** Returns one of the allowed words. Throws `BenchError` for any other. */
export function one<T extends string>(name: string, text: string, allowed: readonly T[]): T {
  const found = allowed.find(word => word === text);
  if (found !== undefined) return found;
  throw new BenchError(`--${name} is '${text}', but it has to be one of ${allowed.join(', ')}.`);
}
