import { BadInputError } from './bad-input.ts';

/** The environment of a step: `INPUT_*` from the runner, `CACHE_S3_*` from the fleet. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The text of an input, trimmed; '' when it is not set. An empty input falls back to `CACHE_S3_<NAME>`, so that a fleet
 * configures its runners once. The runner's spelling of the variable: upper case, dashes kept (actions/runner 2.336).
 */
export function readInput(env: Environment, name: string): string {
  const variable = fleetVariableOf(env, name);
  return variable === undefined ? ownValue(env, name) : env[variable]!.trim();
}

/** What the step itself gives. */
function ownValue(env: Environment, name: string): string {
  return env[`INPUT_${name.replace(/ /g, '_').toUpperCase()}`]?.trim() ?? '';
}

/** The fleet's variable that an input is taken from; undefined: the step gives it, or nobody does. */
function fleetVariableOf(env: Environment, name: string): string | undefined {
  if (ownValue(env, name) !== '') return undefined;
  return fleetVariables(name).find(variable => env[variable]?.trim());
}

/** What is wrong with an input; with the fleet's variable where it is one, because no workflow holds that value. */
export function badInputSentence({ message }: BadInputError, env: Environment): string {
  return message.replace(/^Input '([\w-]+)'/, (input, name: string) => {
    const variable = fleetVariableOf(env, name);
    return variable === undefined ? input : `${input} (${variable})`;
  });
}

/** `accessKey` may be `CACHE_S3_ACCESS_KEY` or `CACHE_S3_ACCESSKEY`; `retry-count` is `CACHE_S3_RETRY_COUNT`. */
export function fleetVariables(name: string): readonly string[] {
  const dashed = name.replaceAll('-', '_');
  const words = dashed.replace(/([a-z])([A-Z])/g, '$1_$2').toUpperCase();
  return [...new Set([`CACHE_S3_${words}`, `CACHE_S3_${dashed.toUpperCase()}`])];
}

/** The lines of an input, trimmed, without empty ones; `! x` is `!x` (actions/cache 5, `getInputAsArray`). */
export function readLines(env: Environment, name: string): readonly string[] {
  return readInput(env, name)
    .split('\n')
    .map(line => line.replace(/^!\s+/, '!').trim())
    .filter(line => line !== '');
}

/** undefined: not set. */
export function readBoolean(env: Environment, name: string): boolean | undefined {
  const text = readInput(env, name);
  if (text === '') return undefined;
  if (/^true$/i.test(text)) return true;
  if (/^false$/i.test(text)) return false;
  throw new BadInputError(`Input '${name}' is '${text}', but it has to be true or false.`);
}

/**
 * Whether a switch is on. Refuses nothing: for what is asked before the inputs are parsed as a whole, or about what becomes
 * of their being refused.
 */
export function isOn(env: Environment, name: string): boolean {
  return /^true$/i.test(readInput(env, name));
}

/** A whole number within the bounds, both included; undefined: not set. */
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
  throw new BadInputError(`Input '${name}' is '${text}', but it has to be ${expected}.`);
}

/** One of the words; undefined: not set. */
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
  throw new BadInputError(`Input '${name}' is '${text}', but it has to be ${expected}.`);
}
