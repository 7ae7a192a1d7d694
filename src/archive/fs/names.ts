import { Buffer } from 'node:buffer';

/**
 * Names are bytes on Linux and strings in JavaScript. A name that is valid UTF-8 is its usual string; in any other,
 * each byte that does not decode stands as a lone surrogate U+DC80..U+DCFF (Python's "surrogateescape", PEP 383), so
 * that every name has exactly one string and every string finds its way back.
 */

const SURROGATE_OR_ABOVE = /[\ud800-\uffff]/;

/** The string of a name's bytes. */
export function decodeName(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = buffer.toString('utf8');
  // U+FFFD may be a real character of the name: only a round trip tells
  if (!text.includes('\ufffd') || Buffer.from(text, 'utf8').equals(buffer)) return text;
  return decodeEscaping(buffer);
}

function decodeEscaping(bytes: Buffer): string {
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const length = validSequenceLength(bytes, at);
    text += length > 0 ? bytes.toString('utf8', at, at + length) : String.fromCharCode(0xdc00 + bytes[at]!);
    at += Math.max(length, 1);
  }
  return text;
}

/** Length of the well-formed UTF-8 sequence at `at`, 0 if there is none. */
function validSequenceLength(bytes: Buffer, at: number): number {
  const lead = bytes[at]!;
  if (lead < 0x80) return 1;
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 0;
  const sequence = bytes.subarray(at, at + length);
  if (length === 0 || sequence.length < length) return 0;
  return Buffer.from(sequence.toString('utf8'), 'utf8').equals(sequence) ? length : 0;
}

/** The bytes of a name. */
export function encodeName(name: string): Buffer {
  if (name.isWellFormed()) return Buffer.from(name, 'utf8');
  const pieces: Buffer[] = [];
  for (const character of name) {
    const unit = character.charCodeAt(0);
    const escaped = character.length === 1 && unit >= 0xdc80 && unit <= 0xdcff;
    pieces.push(escaped ? Buffer.from([unit - 0xdc00]) : Buffer.from(character, 'utf8'));
  }
  return Buffer.concat(pieces);
}

/** What Node's fs takes for this path: the string itself, or its bytes where the string cannot say them. */
export function fsPath(path: string): string | Buffer {
  return path.isWellFormed() ? path : encodeName(path);
}

/** Byte order of the names' UTF-8 (or raw) bytes; negative, zero or positive. */
export function compareNames(a: string, b: string): number {
  if (a === b) return 0;
  // Below U+D800 the order of UTF-16 units is the order of the bytes
  if (!SURROGATE_OR_ABOVE.test(a) && !SURROGATE_OR_ABOVE.test(b)) return a < b ? -1 : 1;
  return Buffer.compare(encodeName(a), encodeName(b));
}
