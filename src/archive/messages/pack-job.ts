import type { BigIntStats } from 'node:fs';
import type { EntryType } from '../format/entry.ts';
import type { TarMember } from '../format/tar-header.ts';
import type { FileStatus } from '../fs/file-status.ts';
import type { Mtime } from '../fs/file-times.ts';
import { ATTRIBUTES, columns, readAttributes, writeAttributes } from './rows.ts';

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
  readonly names: string;
  /** Absolute paths. */
  readonly paths: string;
  readonly linkNames: string;
  /** A row of `MemberColumn.width` numbers for each member. */
  readonly members: Float64Array<ArrayBuffer>;
  readonly slice: SliceOfFile | undefined;
  /** zstd level, 1 to 19. */
  readonly level: number;
}

const MemberColumn = columns('type', 'size', 'dev', 'ino', 'mtimeMs', 'ctimeMs', ...ATTRIBUTES);

/** Writes the job of one frame. `level` is zstd's, 1 to 19. */
export function encodePackJob({ members, slice }: FramePlan, level: number): PackJob {
  const numbers = new Float64Array(members.length * MemberColumn.width);
  members.forEach((member, index) => {
    const row = index * MemberColumn.width;
    numbers[row + MemberColumn.type] = member.type;
    numbers[row + MemberColumn.size] = member.size;
    writeAttributes(numbers, row + MemberColumn.mode, member);
    numbers[row + MemberColumn.dev] = Number(member.inode?.dev ?? 0);
    numbers[row + MemberColumn.ino] = Number(member.inode?.ino ?? 0);
    numbers[row + MemberColumn.mtimeMs] = member.stats.mtimeMs;
    numbers[row + MemberColumn.ctimeMs] = member.stats.ctimeMs;
  });
  return {
    kind: 'pack',
    names: members.map(member => member.name).join('\0'),
    paths: members.map(member => member.path).join('\0'),
    linkNames: members.map(member => member.linkName).join('\0'),
    members: numbers,
    slice,
    level,
  };
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
export function readMembers({ names, paths, linkNames, members }: PackJob): PackMember[] {
  const [allNames, allPaths, allLinkNames] = [names, paths, linkNames].map(text => text.split('\0'));
  return Array.from({ length: members.length / MemberColumn.width }, (_, index) => {
    const row = index * MemberColumn.width;
    return {
      name: allNames![index]!,
      path: allPaths![index]!,
      linkName: allLinkNames![index]!,
      type: members[row + MemberColumn.type]! as EntryType,
      size: members[row + MemberColumn.size]!,
      dev: members[row + MemberColumn.dev]!,
      ino: members[row + MemberColumn.ino]!,
      mtimeMs: members[row + MemberColumn.mtimeMs]!,
      ctimeMs: members[row + MemberColumn.ctimeMs]!,
      ...readAttributes(members, row + MemberColumn.mode),
    };
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

const PackedColumn = columns('offset', 'size', 'mtimeUs', 'mtimeRestNs', 'mode', 'wasReplaced');
/** `PackedColumn.offset` of a member that is not in the frame. */
const OMITTED: Readonly<Record<Omission, number>> = { vanished: -1, short: -2 };

/** Makes room for the rows of `count` members. */
export function packedRows(count: number): Float64Array<ArrayBuffer> {
  return new Float64Array(count * PackedColumn.width);
}

/** Writes the row of a member. */
export function writePacked(rows: Float64Array, index: number, packed: Packed | Omission): void {
  const row = index * PackedColumn.width;
  if (typeof packed === 'string') {
    rows[row + PackedColumn.offset] = OMITTED[packed];
    return;
  }
  rows[row + PackedColumn.offset] = packed.offset;
  rows[row + PackedColumn.size] = packed.size;
  rows[row + PackedColumn.mtimeUs] = packed.mtimeUs;
  rows[row + PackedColumn.mtimeRestNs] = packed.mtimeRestNs;
  rows[row + PackedColumn.mode] = packed.mode;
  rows[row + PackedColumn.wasReplaced] = packed.wasReplaced ? 1 : 0;
}

/** Reads the row of a member. */
export function readPacked(rows: Float64Array, index: number): Packed | Omission {
  const row = index * PackedColumn.width;
  const offset = rows[row + PackedColumn.offset]!;
  if (offset < 0) return offset === OMITTED.short ? 'short' : 'vanished';
  return {
    offset,
    size: rows[row + PackedColumn.size]!,
    mtimeUs: rows[row + PackedColumn.mtimeUs]!,
    mtimeRestNs: rows[row + PackedColumn.mtimeRestNs]!,
    mode: rows[row + PackedColumn.mode]!,
    wasReplaced: rows[row + PackedColumn.wasReplaced] === 1,
  };
}
