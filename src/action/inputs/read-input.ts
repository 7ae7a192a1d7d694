/** The environment of a step: `INPUT_*` from the runner, `CACHE_S3_*` from the configuration of runner or workflow. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** An input that cannot be used. The message is one sentence; it quotes values, but never that of a secret. */
export class BadInputError extends Error {
  override name = 'BadInputError';
  /** Name of the input, as in action.yml. */
  readonly input: string;
  /** Predicate of the sentence: `is 'http', but it must be a whole number.` */
  readonly problem: string;

  constructor(input: string, problem: string) {
    super(`Input '${input}' ${problem}`);
    this.input = input;
    this.problem = problem;
  }
}

/** Returns the error as a sentence. It names the `CACHE_S3_` variable if the value is from one, and not from the step. */
export function badInputSentence({ input, problem }: BadInputError, env: Environment): string {
  return `Input ${nameInput(env, input)} ${problem}`;
}

/** Returns the name of an input in quotes, with the `CACHE_S3_` variable that it is read from. */
export function nameInput(env: Environment, input: string): string {
  const variable = environmentVariableOf(env, input);
  return `'${input}'${variable === undefined ? '' : ` (${variable})`}`;
}

/** Quotes a value for a message, without the rest of a long one. */
export function quoteValue(text: string): string {
  return `'${text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}...` : text}'`;
}

const MAX_QUOTED = 200;

/**
 * Returns the text of an input, trimmed; '' if it is not set. An empty input is read from `CACHE_S3_<NAME>`, so that runners
 * can be configured once. The runner spells `INPUT_<NAME>` in upper case and keeps dashes (actions/runner 2.336).
 */
export function readInput(env: Environment, name: string): string {
  const variable = environmentVariableOf(env, name);
  return variable === undefined ? stepValue(env, name) : env[variable]!.trim();
}

/** Returns whether the step itself sets an input, so that no variable is read for it. */
export function isStepInput(env: Environment, name: string): boolean {
  return stepValue(env, name) !== '';
}

/** Returns the value that the step itself sets. */
function stepValue(env: Environment, name: string): string {
  return env[`INPUT_${name.toUpperCase()}`]?.trim() ?? '';
}

/** Returns the `CACHE_S3_` variable that an input is read from. Returns undefined if the step or no variable sets it. */
function environmentVariableOf(env: Environment, name: string): string | undefined {
  if (stepValue(env, name) !== '') return undefined;
  return environmentVariables(name).find(variable => env[variable]?.trim());
}

/** Lists the variables that can set an input: `CACHE_S3_ACCESS_KEY` and `CACHE_S3_ACCESSKEY` for `accessKey`. */
export function environmentVariables(name: string): readonly string[] {
  const dashed = name.replaceAll('-', '_');
  const words = dashed.replace(/([a-z])([A-Z])/g, '$1_$2').toUpperCase();
  return [...new Set([`CACHE_S3_${words}`, `CACHE_S3_${dashed.toUpperCase()}`])];
}

/** Returns the lines of an input, trimmed, without empty ones; `! x` is `!x` (actions/cache 5, `getInputAsArray`). */
export function readLines(env: Environment, name: string): readonly string[] {
  return readInput(env, name)
    .split('\n')
    .map(line => line.replace(/^!\s+/, '!').trim())
    .filter(line => line !== '');
}

/** Returns undefined if the input is not set. Throws `BadInputError` for any other text than true and false. */
export function readBoolean(env: Environment, name: string): boolean | undefined {
  const text = readInput(env, name);
  if (text === '') return undefined;
  if (/^true$/i.test(text)) return true;
  if (/^false$/i.test(text)) return false;
  throw new BadInputError(name, `is ${quoteValue(text)}, but it must be true or false.`);
}

/** Returns whether an input is true. Throws no error for a bad value, because it decides how bad inputs are reported. */
export function isOn(env: Environment, name: string): boolean {
  return /^true$/i.test(readInput(env, name));
}

/** Returns a whole number within the bounds, both included, or undefined if the input is not set. */
export function readInteger(
  env: Environment,
  name: string,
  bounds: { readonly min: number; readonly max: number },
  expected = `a whole number from ${bounds.min} to ${bounds.max}`,
): number | undefined {
  const text = readInput(env, name);
  if (text === '') return undefined;
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= bounds.min && value <= bounds.max) return value;
  throw new BadInputError(name, `is ${quoteValue(text)}, but it must be ${expected}.`);
}

/** Returns one of the words, or undefined if the input is not set. */
export function readChoice<T extends string>(
  env: Environment,
  name: string,
  choices: readonly T[],
): T | undefined {
  const text = readInput(env, name);
  if (text === '') return undefined;
  const choice = choices.find(word => word === text);
  if (choice !== undefined) return choice;
  const expected = `${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`;
  throw new BadInputError(name, `is ${quoteValue(text)}, but it must be ${expected}.`);
}
