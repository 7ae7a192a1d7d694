import { BadInputError, environmentVariables } from '../action/inputs/read-input.ts';
import { AWS_VARIABLES, StoreRefusedError } from '../storage/store-errors.ts';
import { SETTING_OPTIONS } from './settings.ts';

/** Returns an error as one sentence, with the option or variable to change. It has foreign text: escape it. */
export function sentenceOf(error: unknown): string {
  if (error instanceof BadInputError) return `${settingName(error.input)} ${error.problem(settingName)}`;
  const text = error instanceof StoreRefusedError ? error.advise(settingsToChange) : messageOf(error);
  const sentence = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(sentence) ? sentence : `${sentence}.`;
}

/** Returns the settings that change an input. The scheme of an endpoint decides over `insecure`. */
function settingsToChange(input: string): string {
  return input === 'insecure' ? `${settingName('endpoint')} or ${settingName(input)}` : settingName(input);
}

function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message === '' ? 'an error without a message' : message;
}

/** Returns the option and variable of the command for an input of the action: `--bucket (CACHE_S3_BUCKET)`. */
export function settingName(input: string): string {
  const [variable = ''] = environmentVariables(input);
  if (input === 'region') return `--region (${variable} or AWS_REGION)`;
  if (Object.hasOwn(SETTING_OPTIONS, input)) return `--${input} (${variable})`;
  const ofAws = AWS_VARIABLES[input];
  return ofAws === undefined ? variable : `${variable} (or ${ofAws})`;
}
