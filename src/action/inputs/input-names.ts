import type { NameInput } from '../../storage/store-errors.ts';
import { type BadInputError, type Environment, readInput, variableOf } from './read-input.ts';

/** The variables of AWS that set the region where the inputs do not, in order. */
export const REGION_VARIABLES = ['AWS_REGION', 'AWS_DEFAULT_REGION'] as const;

/** The beginning of an endpoint of AWS that has the region in its host name. */
export const AWS_REGION_HOST =
  /^(?:https?:\/\/)?s3[.-]([a-z]{2}(?:-[a-z]+)+-\d)\.(?:[a-z0-9-]+\.)*amazonaws\.com(?:\.cn)?\.?(?:[:/]|$)/i;

/**
 * Returns the function that names inputs for messages, each by the place that sets it: the step, a variable, or another input that
 * decides the value.
 */
export function inputNamer(env: Environment): NameInput {
  const name = (input: string): string => {
    const endpoint = readInput(env, 'endpoint');
    // A scheme decides over `insecure`
    if (input === 'insecure' && /^https?:/i.test(endpoint)) return name('endpoint');
    if (input === 'region' && readInput(env, input) === '') {
      if (AWS_REGION_HOST.test(endpoint)) return name('endpoint');
      return (
        REGION_VARIABLES.find(variable => env[variable]) ??
        "the input 'region', CACHE_S3_REGION or AWS_REGION (none is set)"
      );
    }
    return `the input ${quotedName(env, input)}`;
  };
  return name;
}

/** Returns the error as a sentence, which names the `CACHE_S3_` variable if the value is from one. */
export function badInputSentence(error: BadInputError, env: Environment): string {
  return `Input ${quotedName(env, error.input)} ${error.problem(inputNamer(env))}`;
}

/** Returns the name of an input in quotes, with the `CACHE_S3_` variable that it is read from. */
function quotedName(env: Environment, input: string): string {
  const variable = variableOf(env, input);
  return `'${input}'${variable === undefined ? '' : ` (${variable})`}`;
}
