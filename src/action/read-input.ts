import { BadInputError } from './bad-input.ts';

/** The environment of a step: `INPUT_*` from the runner, `CACHE_S3_*` from the fleet. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The text of an input, trimmed; '' when it is not set. An empty input falls back to `CACHE_S3_<NAME>`, so that a fleet
 * configures its runners once. The runner's spelling of the variable: upper case, dashes kept (actions/runner 2.336).
 */
export function readInput(env: Environment, name: string): string {
  const given = env[`INPUT_${name.replace(/ /g, '_').toUpperCase()}`]?.trim();
  if (given) return given;
  for (const variable of fleetVariables(name)) {
    const value = env[variable]?.trim();
    if (value) return value;
  }
  return '';
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
): number | undefined {
  const text = readInput(env, name);
  if (text === '') return undefined;
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= bounds.min && value <= bounds.max) return value;
  throw new BadInputError(
    `Input '${name}' is '${text}', but it has to be a whole number from ${bounds.min} to ${bounds.max}.`,
  );
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
