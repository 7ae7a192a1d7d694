import type { Output } from './output.ts';

/**
 * Returns a value as JSON that a terminal and the log of a job show as it is: control
 * characters of a terminal that JSON does not escape are escaped by their code, and so is the bracket of `##[`, which begins a
 * command of the runner.
 */
export function safeJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent)
    .replace(
      /[\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
      character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    )
    .replaceAll('##[', '##\\u005b');
}

/** Writes one JSON document. */
export function writeJson(output: Output, value: unknown): Promise<void> {
  return output.raw(`${safeJson(value, 2)}\n`);
}

/** Writes an array of rows, of any number, as one JSON document: a line for each row. */
export async function writeJsonArray(output: Output, rows: AsyncIterable<unknown>): Promise<void> {
  let separator = '[\n';
  for await (const row of rows) {
    await output.raw(`${separator}${safeJson(row)}`);
    separator = ',\n';
  }
  await output.raw(separator === '[\n' ? '[]\n' : '\n]\n');
}
