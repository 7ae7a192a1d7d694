import type { BigIntStats } from 'node:fs';
import type { EntryType } from '../format/entry.ts';
import type { TarMember } from '../format/tar-header.ts';
import type { FileStatus } from '../fs/file-status.ts';
import type { Mtime } from '../fs/file-times.ts';
import { type AttributeNumbers, readTable, type Table, TableWriter } from './table.ts';

/**
 * A file, directory or link found on the disk, whose data is not read yet. Its mtime is exact, but 0 for a file with data if the
 * scan is not `exact`: it is read again with the data.
 */
export interface ScannedEntry extends TarMember {
  readonly path: string;
  readonly stats: FileStatus;
  /** The inode of a file or symlink with several names, which other entries may be linked to. */
  readonly inode?: Pick<BigIntStats, 'dev' | 'ino'> | undefined;
}

/** A frame to pack: some whole members, or a slice of the only member, which is a large file. */
export interface FramePlan {
  readonly members: readonly ScannedEntry[];
  readonly slice: SliceOfFile | undefined;
}

/** The bytes `start` to `end` of a file that must still be the one that was scanned. */
export interface SliceOfFile {
  readonly start: number;
  readonly end: number;
  readonly identity: FileIdentity;
}

/** Status by which an untouched file is recognized, with times in ns. */
export type FileIdentity = Pick<BigIntStats, 'dev' | 'ino' | 'size' | 'mtimeNs' | 'ctimeNs'>;

export function isSameFile(a: FileIdentity, b: FileIdentity): boolean {
  return (
    a.size === b.size &&
    a.mtimeNs === b.mtimeNs &&
    a.ctimeNs === b.ctimeNs &&
    a.ino === b.ino &&
    a.dev === b.dev
  );
}

/** A job that makes one frame. */
export interface PackJob {
  readonly kind: 'pack';
  readonly members: Table;
  readonly slice: SliceOfFile | undefined;
  /** zstd level, 1 to 19. */
  readonly level: number;
}

type StatusNumbers = [dev: number, ino: number, mtimeMs: number, ctimeMs: number];
type MemberNumbers = [type: number, size: number, ...StatusNumbers, ...AttributeNumbers];
type MemberTexts = [name: string, path: string, linkName: string];

/** Writes the job of one frame. `level` is zstd's, 1 to 19. */
export function encodePackJob({ members, slice }: FramePlan, level: number): PackJob {
  const table = new TableWriter<MemberNumbers, MemberTexts>(members.length);
  for (const member of members) {
    const { name, path, linkName, type, size, inode, stats } = member;
    const { mode, mtimeUs, mtimeRestNs, uid, gid } = member;
    const [dev, ino] = [Number(inode?.dev ?? 0), Number(inode?.ino ?? 0)];
    const { mtimeMs, ctimeMs } = stats;
    table.add(
      [type, size, dev, ino, mtimeMs, ctimeMs, mode, mtimeUs, mtimeRestNs, uid, gid],
      [name, path, linkName],
    );
  }
  return { kind: 'pack', members: table.finish(), slice, level };
}

/** A member in a job. */
export interface PackMember extends TarMember {
  readonly path: string;
  /** Device and inode that a file with several names had in the scan, rounded to doubles. 0 for other members. */
  readonly dev: number;
  readonly ino: number;
  /** Times in the scan, in ms. */
  readonly mtimeMs: number;
  readonly ctimeMs: number;
}

/** Reads the members of a job. */
export function readMembers({ members }: PackJob): PackMember[] {
  return Array.from(readTable<MemberNumbers, MemberTexts>(members), ([numbers, [name, path, linkName]]) => {
    const [type, size, dev, ino, mtimeMs, ctimeMs, mode, mtimeUs, mtimeRestNs, uid, gid] = numbers;
    const scanned = { type: type as EntryType, size, dev, ino, mtimeMs, ctimeMs };
    return { name, path, linkName, ...scanned, mode, mtimeUs, mtimeRestNs, uid, gid };
  });
}

/** Returns whether a file with several names is another one than in the scan. */
export function isReplaced(scanned: PackMember, { dev, ino }: Pick<BigIntStats, 'dev' | 'ino'>): boolean {
  return scanned.ino !== 0 && (scanned.ino !== Number(ino) || scanned.dev !== Number(dev));
}

/** Times that differ by less are equal. */
const SAME_TIME_MS = 0.001;

/**
 * Returns whether a file has the same status as in the scan. Times are compared as numbers of ms, which are exact to 0.25 us until
 * 2038 and make half as much garbage as bigints. In later centuries they are less exact, and an unchanged file may be read
 * again.
 */
export function isUntouched(scanned: PackMember, { size, mtimeNs, ctimeNs }: FileIdentity): boolean {
  const isSameTime = (ns: bigint, ms: number) => Math.abs(Number(ns) / 1e6 - ms) < SAME_TIME_MS;
  return (
    scanned.size === Number(size) &&
    isSameTime(mtimeNs, scanned.mtimeMs) &&
    isSameTime(ctimeNs, scanned.ctimeMs)
  );
}

export interface PackResult {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly rawSize: number;
  readonly sha256: Uint8Array<ArrayBuffer>;
  /** A row for each member (`writePacked`, `readPacked`). */
  readonly packed: Float64Array<ArrayBuffer>;
}

/** A member as it was read; it may have changed since the scan. */
export interface Packed extends Mtime {
  /** Offset of the data in the raw bytes. */
  readonly offset: number;
  readonly size: number;
  readonly mode: number;
  /** Whether the scan found another file, with several names, here: its other names are not names of this file. */
  readonly wasReplaced: boolean;
}

/**
 * Reason why a member is not in the frame. A `short` one has less data than its size, as in /sys, although it does not change.
 */
export type Omission = 'vanished' | 'short';

/** Numbers in the row of a member: offset, size, both parts of the mtime, mode, and 1 if it was replaced. */
const PACKED_NUMBERS = 6;
/** The first number of a member that is not in the frame. */
const OMITTED: Readonly<Record<Omission, number>> = { vanished: -1, short: -2 };

/** Makes room for the rows of `count` members. */
export function packedRows(count: number): Float64Array<ArrayBuffer> {
  return new Float64Array(count * PACKED_NUMBERS);
}

/** Writes the row of a member. */
export function writePacked(rows: Float64Array, index: number, packed: Packed | Omission): void {
  let at = index * PACKED_NUMBERS;
  if (typeof packed === 'string') {
    rows[at] = OMITTED[packed];
    return;
  }
  rows[at++] = packed.offset;
  rows[at++] = packed.size;
  rows[at++] = packed.mtimeUs;
  rows[at++] = packed.mtimeRestNs;
  rows[at++] = packed.mode;
  rows[at] = Number(packed.wasReplaced);
}

/** Reads the row of a member. */
export function readPacked(rows: Float64Array, index: number): Packed | Omission {
  let at = index * PACKED_NUMBERS;
  const offset = rows[at++]!;
  if (offset < 0) return offset === OMITTED.short ? 'short' : 'vanished';
  return {
    offset,
    size: rows[at++]!,
    mtimeUs: rows[at++]!,
    mtimeRestNs: rows[at++]!,
    mode: rows[at++]!,
    wasReplaced: rows[at] === 1,
  };
}
