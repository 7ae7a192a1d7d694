/**
 * Text for one line of the job's log. Names of files and keys may hold anything; the runner takes a line that begins
 * with `::`, and `##[` anywhere in it, for a command (actions/runner 2.336, ActionCommand.cs). Control characters,
 * line separators, marks that turn the reading direction and bytes that are not UTF-8 become visible.
 */
export function escapeLine(text: string): string {
  return text
    .replace(UNPRINTABLE, visible)
    .replace(/^(\s*):(?=:)/, '$1\\x3a')
    .replaceAll('##[', '##\\x5b');
}

const UNPRINTABLE =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

function visible(character: string): string {
  if (character === '\n') return '\\n';
  if (character === '\r') return '\\r';
  if (character === '\t') return '\\t';
  const code = character.charCodeAt(0);
  // archive/fs/names.ts: a byte that is not UTF-8.
  if (code >= 0xdc80 && code <= 0xdcff) return `\\x${(code - 0xdc00).toString(16)}`;
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`;
}
