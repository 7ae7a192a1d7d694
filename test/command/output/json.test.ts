import { expect, test } from 'vitest';
import { safeJson } from '../../../src/command/output/json.ts';

test('JSON for a terminal has no control character, and parses to the same value', () => {
  const value = { key: '\u001b[31m\n\u0085\u202ex\u2028 ##[error]\ud83d', list: [1, null] };
  const text = safeJson(value);
  expect(text).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e\u2028]/);
  expect(text).not.toContain('##[');
  expect(JSON.parse(text)).toEqual(value);
});
