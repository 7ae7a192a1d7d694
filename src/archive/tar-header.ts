import { Buffer } from 'node:buffer';
import { type EntryType, EntryType as Type } from './entry.ts';
import { encodeName } from './names.ts';

/**
 * Tar headers: POSIX.1-2001 (pax) over ustar, as `pax` in IEEE Std 1003.1 lays them out. Our own restore reads the
 * manifest; these are for `tar` and for people. docs/adr/0003 says why they are not written by a stream library.
 */

const BLOCK = 512;
const NAME_BYTES = 100;
/** Largest numbers that ustar's octal fields hold: 11 digits for size and mtime, 7 for ids. */
const MAX_OCTAL_11 = 0o77777777777;
const MAX_OCTAL_7 = 0o7777777;

/** The two zero blocks that end a tar stream (GNU tar reads on until it has seen both). */
export const END_OF_ARCHIVE_BYTES = 2 * BLOCK;

/** What a tar header says. */
export interface TarMember {
  readonly name: string;
  readonly type: EntryType;
  readonly mode: number;
  readonly mtimeUs: number;
  /** Bytes of data that follow. */
  readonly size: number;
  /** Target of a symlink, stored name of a hard link's first name, else ''. */
  readonly linkName: string;
  /** -1: not kept, written as 0. */
  readonly uid: number;
  readonly gid: number;
}

const TYPE_FLAGS: Record<EntryType, number> = {
  [Type.file]: 0x30,
  [Type.hardLink]: 0x31,
  [Type.symlink]: 0x32,
  [Type.directory]: 0x35,
};
const PAX_FLAG = 0x78;

/** Bytes of padding after `size` bytes of data. */
export function padding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

/** Most bytes that `writeHeader` takes for a member with these names. */
export function headerBound(name: string, linkName: string): number {
  // 4 bytes a UTF-16 unit cover any escape; 256 the records for time, size and owners
  return 3 * BLOCK + roundUp(256 + 4 * (name.length + linkName.length));
}

/**
 * Writes the header of `member` (with a pax header before it where ustar cannot say it all) into `target` at `at`.
 * Returns the offset after it.
 */
export function writeHeader(target: Buffer, at: number, member: TarMember): number {
  const name = member.name;
  const records = paxRecords(member);
  let next = at;
  if (records.length > 0) {
    const body = Buffer.concat(records);
    const plain: TarMember = { ...member, name: 'PaxHeader', linkName: '', mode: 0o644, size: body.length };
    writeBlock(target, next, plain, PAX_FLAG);
    next += BLOCK;
    body.copy(target, next);
    target.fill(0, next + body.length, next + roundUp(body.length));
    next += roundUp(body.length);
  }
  writeBlock(target, next, { ...member, name }, TYPE_FLAGS[member.type]);
  return next + BLOCK;
}

function roundUp(bytes: number): number {
  return bytes + padding(bytes);
}

function paxRecords(member: TarMember): Buffer[] {
  const records: Buffer[] = [];
  const nameNeeds = needsPax(member.name);
  const linkNeeds = needsPax(member.linkName);
  // BINARY: the values of path and linkpath are bytes, not UTF-8 (pax, "hdrcharset")
  if (!member.name.isWellFormed() || !member.linkName.isWellFormed())
    records.push(paxRecord('hdrcharset', 'BINARY'));
  if (nameNeeds) records.push(paxRecord('path', member.name));
  if (linkNeeds) records.push(paxRecord('linkpath', member.linkName));
  if (member.size > MAX_OCTAL_11) records.push(paxRecord('size', String(member.size)));
  if (member.uid > MAX_OCTAL_7) records.push(paxRecord('uid', String(member.uid)));
  if (member.gid > MAX_OCTAL_7) records.push(paxRecord('gid', String(member.gid)));
  const seconds = Math.floor(member.mtimeUs / 1e6);
  const fraction = member.mtimeUs - seconds * 1e6;
  if (fraction > 0) records.push(paxRecord('mtime', `${seconds}.${String(fraction).padStart(6, '0')}`));
  else if (seconds > MAX_OCTAL_11) records.push(paxRecord('mtime', String(seconds)));
  return records;
}

function needsPax(name: string): boolean {
  if (name.length > NAME_BYTES) return true;
  for (let index = 0; index < name.length; index++) {
    if (name.charCodeAt(index) > 0x7e) return true;
  }
  return false;
}

/** `<length> <keyword>=<value>\n`, where the length counts itself. */
function paxRecord(keyword: string, value: string): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${keyword}=`), encodeName(value), Buffer.from('\n')]);
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

function writeBlock(target: Buffer, at: number, member: TarMember, flag: number): void {
  target.fill(0, at, at + BLOCK);
  writeName(target, at, member.name);
  writeOctal(target, at + 100, 7, member.mode);
  writeOctal(target, at + 108, 7, clamp(member.uid, MAX_OCTAL_7));
  writeOctal(target, at + 116, 7, clamp(member.gid, MAX_OCTAL_7));
  writeOctal(target, at + 124, 11, clamp(member.size, MAX_OCTAL_11));
  writeOctal(target, at + 136, 11, clamp(Math.floor(member.mtimeUs / 1e6), MAX_OCTAL_11));
  target[at + 156] = flag;
  writeName(target, at + 157, member.linkName);
  target.write('ustar\x0000', at + 257, 'latin1');
  writeOctal(target, at + 148, 6, checksum(target, at));
  target[at + 155] = 0x20;
}

/** The first 100 bytes of a name: all of it, unless a pax record says it in full. */
function writeName(target: Buffer, at: number, name: string): void {
  if (name === '') return;
  if (name.isWellFormed()) target.write(name, at, NAME_BYTES, 'utf8');
  else encodeName(name).copy(target, at, 0, NAME_BYTES);
}

function clamp(value: number, most: number): number {
  return Math.min(Math.max(value, 0), most);
}

/** `digits` octal digits; the NUL after them is there already. */
function writeOctal(target: Buffer, at: number, digits: number, value: number): void {
  let rest = value;
  for (let index = at + digits - 1; index >= at; index--) {
    const digit = rest % 8;
    target[index] = 0x30 + digit;
    rest = (rest - digit) / 8;
  }
}

/** Sum of the block's bytes with the checksum field counted as eight blanks. */
function checksum(target: Buffer, at: number): number {
  let sum = 8 * 0x20;
  for (let index = at; index < at + BLOCK; index++) sum += target[index]!;
  return sum;
}
