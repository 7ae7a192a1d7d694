import { expect, test } from 'vitest';
import { escapeControls, escapeHtml, escapeLine } from '../../../src/action/runner/escape.ts';

test.each([
  ['plain ü 😀', 'plain ü 😀'],
  ['a\n::error::b', 'a\\n::error::b'],
  ['a\r\n\tb', 'a\\r\\n\\tb'],
  ['::set-output name=x::y', '\\x3a:set-output name=x::y'],
  ['  ::error::x', '  \\x3a:error::x'],
  [':x', ':x'],
  ['x ##[error]y', 'x ##\\x5berror]y'],
  ['\u001b[31mred', '\\x1b[31mred'],
  ['\0', '\\x00'],
  ['\u0085\u2028\u202e', '\\x85\\u2028\\u202e'],
  ['name\udc80\udcff', 'name\\x80\\xff'],
  ['half \ud83d pair', 'half \\ud83d pair'],
])('in a line of the log, %j is printed as %j', (text, line) => {
  expect(escapeLine(text)).toBe(line);
});

test('markup, line breaks and marks of the reading direction are escaped in HTML', () => {
  expect(escapeHtml('<b>&"\'\n\u202e::')).toBe('&#60;b&#62;&#38;&#34;&#39;\\n\\u202e::');
});

test('in an output, only control characters and ends of lines are escaped', () => {
  expect(escapeControls('::a ##[b]\n\u202ec\u0085\u2028')).toBe('::a ##[b]\\n\u202ec\\x85\\u2028');
});
