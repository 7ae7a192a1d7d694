import { BadInputError, environmentVariables } from '../action/inputs/read-input.ts';
import { AWS_VARIABLES, StoreRefusedError } from '../storage/store-errors.ts';
import { SETTING_OPTIONS } from './settings.ts';

/** Returns an error as one sentence, with the option or variable to change. It has foreign text: escape it. */
export function sentenceOf(error: unknown): string {
  if (error instanceof BadInputError) return `${settingName(error.input)} ${withSettings(error.problem)}`;
  const text = error instanceof StoreRefusedError ? withSettings(error.advice) : messageOf(error);
  const sentence = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(sentence) ? sentence : `${sentence}.`;
}

function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message === '' ? 'an error without a message' : message;
}

/** Replaces the action's inputs in a text by the command's options and variables. */
function withSettings(text: string): string {
  return text.replace(/(?:the )?input '([A-Za-z-]+)'(?: \(CACHE_S3_\w+\))?/g, (_, input: string) =>
    settingName(input),
  );
}

/** Returns the option and variable of the command for an input of the action: `--bucket (CACHE_S3_BUCKET)`. */
export function settingName(input: string): string {
  const [variable = ''] = environmentVariables(input);
  if (Object.hasOwn(SETTING_OPTIONS, input)) return `--${input} (${variable})`;
  const ofAws = AWS_VARIABLES[input];
  return ofAws === undefined ? variable : `${variable} (or ${ofAws})`;
}
