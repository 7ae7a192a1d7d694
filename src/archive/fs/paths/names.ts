/** This folder handles names and paths: their bytes, stored names and their paths, case, targets of links, names of staging. */

import { Buffer } from 'node:buffer';

/**
 * Names are bytes on Linux and strings in JavaScript. A name that is valid UTF-8 is its usual string. In any other, each
 * byte that does not decode becomes a lone surrogate U+DC80..U+DCFF (Python's "surrogateescape", PEP 383), so that names
 * and strings map to each other one to one.
 */

/** Maximum number of bytes of a UTF-16 unit of a name. */
export const UNIT_BYTES = 3;

/** Characters of a name in a message. */
const SHOWN_CHARACTERS = 200;

/** Decodes a name. */
export function decodeName(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = buffer.toString('utf8');
  // U+FFFD may also be a real character of the name, which only encoding it again shows
  if (!text.includes('\ufffd') || Buffer.from(text, 'utf8').equals(buffer)) return text;
  return decodeEscaping(buffer);
}

/** Decodes a name that is not UTF-8. Writes into a buffer, because a string that grows takes 100 ns for each byte. */
function decodeEscaping(bytes: Buffer): string {
  // No sequence has more units than bytes
  const units = Buffer.allocUnsafe(2 * bytes.length);
  let end = 0;
  let start = 0;
  const writeUpTo = (at: number) => {
    if (at > start) end += units.write(bytes.toString('utf8', start, at), end, 'utf16le');
  };
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceLength(bytes, at);
    at += length;
    if (length > 0) continue;
    writeUpTo(at);
    end = units.writeUInt16LE(0xdc00 + bytes[at++]!, end);
    start = at;
  }
  writeUpTo(bytes.length);
  return units.toString('utf16le', 0, end);
}

/** Returns the length of the well-formed UTF-8 sequence at `at` (RFC 3629, section 4), or 0. */
function sequenceLength(bytes: Buffer, at: number): number {
  const lead = bytes[at];
  if (lead === undefined) return 0;
  if (lead < 0x80) return 1;
  const length = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  if (at + length > bytes.length) return 0;
  for (let index = 1; index < length; index++) if ((bytes[at + index]! & 0xc0) !== 0x80) return 0;
  const second = bytes[at + 1]!;
  // Overlong sequences, surrogates, and code points after U+10FFFF
  if ((lead === 0xe0 && second < 0xa0) || (lead === 0xed && second > 0x9f)) return 0;
  if ((lead === 0xf0 && second < 0x90) || (lead === 0xf4 && second > 0x8f)) return 0;
  return length;
}

/** Encodes a name. */
export function encodeName(name: string): Buffer {
  if (name.isWellFormed()) return Buffer.from(name, 'utf8');
  const bytes = Buffer.allocUnsafe(UNIT_BYTES * name.length);
  let at = 0;
  let start = 0;
  const writeUpTo = (end: number) => {
    if (end > start) at += bytes.write(name.slice(start, end), at, 'utf8');
  };
  for (let index = 0; index < name.length; index++) {
    const unit = name.charCodeAt(index);
    if (unit < 0xd800 || unit > 0xdfff) continue;
    const next = name.charCodeAt(index + 1);
    // A pair of surrogates is a character
    if (unit < 0xdc00 && next >= 0xdc00 && next <= 0xdfff) index++;
    else if (unit >= 0xdc80 && unit <= 0xdcff) {
      writeUpTo(index);
      bytes[at++] = unit - 0xdc00;
      start = index + 1;
    }
  }
  writeUpTo(name.length);
  return bytes.subarray(0, at);
}

/** Returns the number of bytes of a name. */
export function encodedLength(name: string): number {
  return name.isWellFormed() ? Buffer.byteLength(name, 'utf8') : encodeName(name).length;
}

/** Returns whether a name has more than `bytes` bytes. */
export function isLongerThan(name: string, bytes: number): boolean {
  return name.length > bytes || (name.length * UNIT_BYTES > bytes && encodedLength(name) > bytes);
}

/** Returns a path for a call of Node's `fs`: the string, or its bytes if they are not UTF-8. */
export function fsPath(path: string): string | Buffer {
  return path.isWellFormed() ? path : encodeName(path);
}

/** Cuts a name for a message: a name of an archive may have thousands of characters. */
export function shortenName(name: string): string {
  if (name.length <= SHOWN_CHARACTERS) return name;
  const half = SHOWN_CHARACTERS / 2;
  return `${name.slice(0, half)}…${name.slice(-half)}`;
}

/**
 * Compares names by their bytes. Returns a negative number, zero or a positive number.
 * @param from the number of leading UTF-16 units that are known to be equal.
 */
export function compareNames(a: string, b: string, from = 0): number {
  const length = Math.min(a.length, b.length);
  let at = from;
  while (at < length && a.charCodeAt(at) === b.charCodeAt(at)) at++;
  if (at === length && a.length === b.length) return 0;
  // Below U+D800 the order of UTF-16 units is the order of the bytes. The end of a name is before any unit
  const unitA = at < a.length ? a.charCodeAt(at) : -1;
  const unitB = at < b.length ? b.charCodeAt(at) : -1;
  if (unitA < 0xd800 && unitB < 0xd800) return unitA - unitB;
  return Buffer.compare(encodeName(a), encodeName(b));
}
