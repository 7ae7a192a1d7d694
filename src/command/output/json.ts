import { sentenceOf } from '../failure.ts';
import { type Output, OutputError } from './output.ts';

/**
 * Returns a value as JSON that a terminal and the log of a job show unchanged. Control characters of a terminal that JSON does not
 * escape are escaped by their code, and so is the bracket of `##[`, which begins a command of the runner.
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

/** Writes an error as a JSON document, unless the output has begun one. */
export async function writeJsonError(output: Output, error: unknown): Promise<void> {
  if (output.begun || error instanceof OutputError) return;
  await writeJson(output, { error: sentenceOf(error) });
}

/**
 * Writes any number of rows as one JSON document: an array with a line for each row. If reading them fails after the first row, the
 * error is the last row. Throws the error.
 */
export async function writeJsonArray(output: Output, rows: AsyncIterable<unknown>): Promise<void> {
  let separator = '[\n';
  const add = async (row: unknown) => {
    await output.raw(`${separator}${safeJson(row)}`);
    separator = ',\n';
  };
  try {
    for await (const row of rows) await add(row);
  } catch (error) {
    if (output.begun && !(error instanceof OutputError)) {
      await add({ error: sentenceOf(error) });
      await output.raw('\n]\n');
    }
    throw error;
  }
  await output.raw(separator === '[\n' ? '[]\n' : '\n]\n');
}
