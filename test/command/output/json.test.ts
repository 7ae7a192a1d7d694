import { expect, test } from 'vitest';
import { safeJson, writeJsonArray, writeJsonError } from '../../../src/command/output/json.ts';
import { createOutput } from '../../../src/command/output/output.ts';
import { memoryStreams } from '../support.ts';

test('JSON for a terminal has no control character, and parses to the same value', () => {
  const value = { key: '\u001b[31m\n\u0085\u202ex\u2028 ##[error]\ud83d', list: [1, null] };
  const text = safeJson(value);
  expect(text).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e\u2028]/);
  expect(text).not.toContain('##[');
  expect(JSON.parse(text)).toEqual(value);
});

test.each([0, 2])(
  'an array that ends by an error after %i rows is one JSON document with that error',
  async rows => {
    const streams = memoryStreams();
    const output = createOutput({ json: true, ...streams });
    async function* failing() {
      for (let row = 0; row < rows; row++) yield row;
      throw new Error('connection refused');
    }
    await writeJsonArray(output, failing()).catch(error => writeJsonError(output, error));
    await output.flush();
    const failure = { error: 'Connection refused.' };
    expect(JSON.parse(streams.out())).toEqual(rows === 0 ? failure : [0, 1, failure]);
  },
);
