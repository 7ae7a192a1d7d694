import type { Buffer } from 'node:buffer';
import type { Attributes } from '../fs/attributes.ts';
import { fractionOf, type Mtime, secondOf } from '../fs/file-times.ts';
import { encodeName } from '../fs/paths/names.ts';
import { type Entry, EntryType } from './entry.ts';
import { BLOCK_BYTES, NAME_BYTES, PAX_HEADER_BYTES, padded } from './tar-blocks.ts';

/**
 * Writes tar headers: POSIX.1-2001 (pax) over ustar, as IEEE Std 1003.1 describes them in `pax`. A restore reads the
 * manifest; the headers are for `tar`. docs/adr/0003 explains why no library writes them.
 */

/** Largest numbers of ustar's octal fields: 11 digits for size and mtime, 7 for ids. */
const MAX_OCTAL_11 = 0o77777777777;
const MAX_OCTAL_7 = 0o7777777;

/** The fields of a tar header. */
export interface TarMember extends Pick<Entry, 'name' | 'type' | 'size' | keyof Attributes> {
  /** A symlink's target, the stored name of a hard link's target, else ''. */
  readonly linkName: string;
}

const TYPE_FLAGS: Record<EntryType, number> = {
  [EntryType.file]: 0x30,
  [EntryType.hardLink]: 0x31,
  [EntryType.symlink]: 0x32,
  [EntryType.directory]: 0x35,
};
const PAX_FLAG = 0x78;

/** Returns the maximum number of bytes that `writeHeader` writes for a member with these names. */
export function headerBound(name: string, linkName: string): number {
  // 4 bytes cover any UTF-16 unit; 256 bytes cover the records for time, size and owners
  return PAX_HEADER_BYTES + padded(256 + 4 * (name.length + linkName.length));
}

/**
 * Writes the header of `member` into `target` at `at`, after a pax header if ustar cannot represent a field. Returns the
 * offset after it.
 */
export function writeHeader(target: Buffer, at: number, member: TarMember): number {
  const name = byteString(member.name);
  const linkName = byteString(member.linkName);
  const records = paxRecords(member, name, linkName);
  let next = at;
  if (records !== '') {
    const pax = { mode: 0o644, uid: 0, gid: 0, size: records.length, mtimeUs: member.mtimeUs };
    writeBlock(target, next, pax, 'PaxHeader', '', PAX_FLAG);
    next += BLOCK_BYTES;
    const end = next + padded(records.length);
    target.fill(0, end - BLOCK_BYTES, end);
    target.write(records, next, 'latin1');
    next = end;
  }
  writeBlock(target, next, member, name, linkName, TYPE_FLAGS[member.type]);
  return next + BLOCK_BYTES;
}

/** Returns a name as a string with one character for each byte, as most names are already. */
function byteString(name: string): string {
  for (let index = 0; index < name.length; index++) {
    if (name.charCodeAt(index) > 0x7e) return encodeName(name).toString('latin1');
  }
  return name;
}

/** Returns the pax records of a member, with one character for each byte. */
function paxRecords(member: TarMember, name: string, linkName: string): string {
  const [seconds, ns] = [secondOf(member), fractionOf(member)];
  let records = '';
  // `replaceFraction` expects this record first. It has all nine digits, so that its length does not depend on the time
  if (ns > 0) records += paxRecord('mtime', `${seconds}.${String(ns).padStart(9, '0')}`);
  else if (seconds > MAX_OCTAL_11) records += paxRecord('mtime', String(seconds));
  // BINARY means that the values of path and linkpath are bytes, not UTF-8 (pax, "hdrcharset")
  if (!member.name.isWellFormed() || !member.linkName.isWellFormed())
    records += paxRecord('hdrcharset', 'BINARY');
  if (name.length > NAME_BYTES || name !== member.name) records += paxRecord('path', name);
  if (linkName.length > NAME_BYTES || linkName !== member.linkName)
    records += paxRecord('linkpath', linkName);
  if (member.size > MAX_OCTAL_11) records += paxRecord('size', String(member.size));
  if (member.uid > MAX_OCTAL_7) records += paxRecord('uid', String(member.uid));
  if (member.gid > MAX_OCTAL_7) records += paxRecord('gid', String(member.gid));
  return records;
}

/**
 * Changes the mtime of the header at `at` from one time to another of the same second, in a tenth of the time of
 * `writeHeader`. Returns false, and changes nothing, if the header has to be written again.
 */
export function replaceFraction(target: Buffer, at: number, from: Mtime, to: Mtime): boolean {
  const seconds = secondOf(from);
  if (seconds !== secondOf(to) || fractionOf(from) === 0 || fractionOf(to) === 0) return false;
  const start = at + BLOCK_BYTES + `NN mtime=${seconds}.`.length;
  let rest = fractionOf(to);
  for (let index = start + 8; index >= start; index--) {
    target[index] = 0x30 + (rest % 10);
    rest = Math.floor(rest / 10);
  }
  return true;
}

/** Returns `<length> <keyword>=<value>\n`, where the length includes its own digits. */
function paxRecord(keyword: string, value: string): string {
  const rest = keyword.length + value.length + 3;
  let length = rest + 1;
  while (String(length).length + rest !== length) length = String(length).length + rest;
  return `${length} ${keyword}=${value}\n`;
}

/**
 * Writes one ustar block. Fields are written byte by byte and summed at the same time: this runs for every file of a tree, and
 * calls into native code would take longer.
 */
function writeBlock(
  target: Buffer,
  at: number,
  numbers: Pick<TarMember, 'mode' | 'uid' | 'gid' | 'size' | 'mtimeUs'>,
  name: string,
  linkName: string,
  flag: number,
): void {
  target.fill(0, at, at + BLOCK_BYTES);
  // The checksum includes its own field as eight blanks
  let sum = 8 * 0x20;
  sum += writeText(target, at, name, NAME_BYTES);
  sum += writeOctal(target, at + 100, 7, numbers.mode);
  sum += writeOctal(target, at + 108, 7, clamp(numbers.uid, MAX_OCTAL_7));
  sum += writeOctal(target, at + 116, 7, clamp(numbers.gid, MAX_OCTAL_7));
  sum += writeOctal(target, at + 124, 11, clamp(numbers.size, MAX_OCTAL_11));
  sum += writeOctal(target, at + 136, 11, clamp(secondOf(numbers), MAX_OCTAL_11));
  target[at + 156] = flag;
  sum += flag;
  sum += writeText(target, at + 157, linkName, NAME_BYTES);
  sum += writeText(target, at + 257, USTAR, USTAR.length);
  writeOctal(target, at + 148, 6, sum);
  target[at + 155] = 0x20;
}

/** Magic and version. */
const USTAR = 'ustar\x0000';

/** Writes at most `most` characters of a string with one character for each byte. Returns their sum. */
function writeText(target: Buffer, at: number, text: string, most: number): number {
  const length = Math.min(text.length, most);
  let sum = 0;
  for (let index = 0; index < length; index++) {
    const byte = text.charCodeAt(index);
    target[at + index] = byte;
    sum += byte;
  }
  return sum;
}

function clamp(value: number, most: number): number {
  return Math.min(Math.max(value, 0), most);
}

/** Writes 6, 7 or 11 octal digits; the NUL after them is already there. Returns their sum. */
function writeOctal(target: Buffer, at: number, digits: number, value: number): number {
  // The last ten digits are a whole number of 30 bits: doubles take ten times as long
  let rest = value & 0x3fffffff;
  let sum = 0;
  for (let index = at + digits - 1; index >= at; index--) {
    const digit = 0x30 + (rest & 7);
    target[index] = digit;
    sum += digit;
    rest >>>= 3;
  }
  if (digits <= 10) return sum;
  const first = Math.floor(value / 2 ** 30);
  target[at] = 0x30 + first;
  return sum + first;
}
