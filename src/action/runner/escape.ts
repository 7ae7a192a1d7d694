/**
 * Escapes text for one line of the job's log. Names of files and keys may contain anything. The runner treats `::` at the start
 * of a line, and `##[` anywhere in it, as a command (actions/runner 2.336, ActionCommand.cs). Control characters, line
 * separators, marks of the reading direction and bytes that are not UTF-8 become visible.
 */
export function escapeLine(text: string): string {
  return text
    .replace(UNPRINTABLE, makeVisible)
    .replace(/^(\s*):(?=:)/, '$1\\x3a')
    .replaceAll('##[', '##\\x5b');
}

/**
 * Escapes foreign text as for a line of the log, and for HTML and SVG. @actions/core puts the cells of the job summary into
 * HTML as they are (3.0.1, summary.js).
 */
export function escapeHtml(text: string): string {
  return escapeLine(text).replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`);
}

/** Escapes only line breaks and other control characters, for a value that other steps compare. */
export function escapeControls(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]/gu, makeVisible);
}

const UNPRINTABLE =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

function makeVisible(character: string): string {
  if (character === '\n') return '\\n';
  if (character === '\r') return '\\r';
  if (character === '\t') return '\\t';
  const code = character.charCodeAt(0);
  // A byte that is not UTF-8 (archive/fs/paths/names.ts)
  if (code >= 0xdc80 && code <= 0xdcff) return `\\x${(code - 0xdc00).toString(16)}`;
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`;
}
