import { Buffer } from 'node:buffer';

/**
 * Names are bytes on Linux and strings in JavaScript. A name that is valid UTF-8 is its usual string. In any other, each
 * byte that does not decode becomes a lone surrogate U+DC80..U+DCFF (Python's "surrogateescape", PEP 383), so that names
 * and strings map to each other one to one.
 */

const SURROGATE_OR_ABOVE = /[\ud800-\uffff]/;

/** Decodes a name. */
export function decodeName(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = buffer.toString('utf8');
  // U+FFFD may be a real character of the name: only a round trip shows it
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

/** Returns the length of the well-formed UTF-8 sequence at `at`, or 0. */
function validSequenceLength(bytes: Buffer, at: number): number {
  const lead = bytes[at]!;
  if (lead < 0x80) return 1;
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 0;
  const sequence = bytes.subarray(at, at + length);
  if (length === 0 || sequence.length < length) return 0;
  return Buffer.from(sequence.toString('utf8'), 'utf8').equals(sequence) ? length : 0;
}

/** Encodes a name. */
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

/** Returns a path as Node's fs accepts it: the string, or its bytes if they are not UTF-8. */
export function fsPath(path: string): string | Buffer {
  return path.isWellFormed() ? path : encodeName(path);
}

/** Compares names by their bytes. Returns a negative number, zero or a positive number. */
export function compareNames(a: string, b: string): number {
  if (a === b) return 0;
  // Below U+D800 the order of UTF-16 units is the order of the bytes
  if (!SURROGATE_OR_ABOVE.test(a) && !SURROGATE_OR_ABOVE.test(b)) return a < b ? -1 : 1;
  return Buffer.compare(encodeName(a), encodeName(b));
}
