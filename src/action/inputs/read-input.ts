import type { NameInput } from '../../storage/store-errors.ts';

/** The environment of a step. The runner sets `INPUT_*`, and its configuration or the workflow sets `CACHE_S3_*`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The error of an input that cannot be used. The message is one sentence. It may quote a value, but never a secret. */
export class BadInputError extends Error {
  override name = 'BadInputError';
  /** Name of the input, as in action.yml. */
  readonly input: string;
  /** Returns the predicate of the sentence, in which `nameInput` names other inputs: `is 'http', but it must be a whole number.` */
  readonly problem: (nameInput: NameInput) => string;

  constructor(input: string, problem: string | BadInputError['problem']) {
    const predicate = typeof problem === 'string' ? () => problem : problem;
    super(`Input '${input}' ${predicate(other => `the input '${other}'`)}`);
    this.input = input;
    this.problem = predicate;
  }
}

/** Quotes a value for a message: of a long one, the first 200 UTF-16 units. */
export function quoteValue(text: string): string {
  return `'${text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}...` : text}'`;
}

const MAX_QUOTED = 200;

/**
 * Returns the text of an input, trimmed, or '' if it is not set. An empty input is read from `CACHE_S3_<NAME>`, so that
 * runners can be configured once. The runner spells `INPUT_<NAME>` in upper case and keeps dashes (actions/runner 2.336).
 */
export function readInput(env: Environment, name: string): string {
  const variable = variableOf(env, name);
  return variable === undefined ? stepValue(env, name) : env[variable]!.trim();
}

/** Returns whether the step itself sets an input, so that no variable is read for it. */
export function isStepInput(env: Environment, name: string): boolean {
  return stepValue(env, name) !== '';
}

/** Returns the value that the step itself sets, or ''. */
function stepValue(env: Environment, name: string): string {
  return env[`INPUT_${name.toUpperCase()}`]?.trim() ?? '';
}

/** Returns the `CACHE_S3_` variable that an input is read from. Returns undefined if the step sets the input, or no variable does. */
export function variableOf(env: Environment, name: string): string | undefined {
  if (stepValue(env, name) !== '') return undefined;
  return environmentVariables(name).find(variable => env[variable]?.trim());
}

/** Lists the variables that can set an input: `CACHE_S3_ACCESS_KEY` and `CACHE_S3_ACCESSKEY` for `accessKey`. */
export function environmentVariables(name: string): readonly string[] {
  const dashed = name.replaceAll('-', '_');
  const words = dashed.replace(/([a-z])([A-Z])/g, '$1_$2').toUpperCase();
  return [...new Set([`CACHE_S3_${words}`, `CACHE_S3_${dashed.toUpperCase()}`])];
}

/** Returns the lines of an input, trimmed, without empty ones. `! x` becomes `!x` (actions/cache 5, `getInputAsArray`). */
export function readLines(env: Environment, name: string): readonly string[] {
  return readInput(env, name)
    .split('\n')
    .map(line => line.replace(/^!\s+/, '!').trim())
    .filter(line => line !== '');
}

/**
 * Reads and parses an input. Returns undefined if it is not set. Throws `BadInputError` if `parse` returns undefined.
 * @param expected completes the message: "but it must be …".
 */
export function readParsed<T>(
  env: Environment,
  name: string,
  parse: (text: string) => T | undefined,
  expected: string,
): T | undefined {
  const text = readInput(env, name);
  if (text === '') return undefined;
  const value = parse(text);
  if (value === undefined) throw badValue(name, text, expected);
  return value;
}

/** Returns the error of a value that must be something else. */
export function badValue(name: string, text: string, expected: string): BadInputError {
  return new BadInputError(name, `is ${quoteValue(text)}, but it must be ${expected}.`);
}

/** Returns a parser that accepts the texts that match a pattern. */
export function matching(pattern: RegExp): (text: string) => string | undefined {
  return text => (pattern.test(text) ? text : undefined);
}

/** Reads `true` or `false`, in any case of letters. Returns undefined if the input is not set. Throws `BadInputError`. */
export function readBoolean(env: Environment, name: string): boolean | undefined {
  const parse = (text: string) => (/^true$/i.test(text) ? true : /^false$/i.test(text) ? false : undefined);
  return readParsed(env, name, parse, 'true or false');
}

/** Returns whether an input is true. A bad value counts as false, because the result decides how bad values are reported. */
export function isOn(env: Environment, name: string): boolean {
  return /^true$/i.test(readInput(env, name));
}

/** Reads a whole number from `min` to `max`. Returns undefined if the input is not set. Throws `BadInputError`. */
export function readInteger(
  env: Environment,
  name: string,
  { min, max }: { readonly min: number; readonly max: number },
  expected = `a whole number from ${min} to ${max}`,
): number | undefined {
  const parse = (text: string) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    return value >= min && value <= max ? value : undefined;
  };
  return readParsed(env, name, parse, expected);
}

/** Reads one of the words `choices`. Returns undefined if the input is not set. Throws `BadInputError`. */
export function readChoice<T extends string>(
  env: Environment,
  name: string,
  choices: readonly T[],
): T | undefined {
  const expected = `${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`;
  return readParsed(env, name, text => choices.find(word => word === text), expected);
}
