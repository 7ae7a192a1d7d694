/**
 * This folder keeps frames in a directory of the host, shared by jobs that do not trust each other. The files are named by their
 * SHA-256 and checked before use, so a wrong one only causes a download (ADR 0023). This module reads and writes the files, in
 * any thread.
 */

import { type BigIntStats, constants, fstatSync, futimesSync, renameSync, type Stats } from 'node:fs';
import path from 'node:path';
import { sha256 } from '../format/codec.ts';
import { lstatExact } from '../fs/file-status.ts';
import { ignoreErrors } from '../fs/ignore-errors.ts';
import { thisPlatform } from '../fs/platform.ts';
import { readAt, withFile, writeAt } from '../fs/with-file.ts';
import type { Claim, FrameKey } from '../messages/disk-job.ts';

/**
 * Endings of the temporary files that are claims on a frame. Each one is for the case that files with the endings before it
 * cannot be removed.
 */
const CLAIM_ENDINGS = ['.part', ...Array.from({ length: 8 }, (_, index) => `.part${index + 2}`)];
/** SHA-256 in hexadecimal digits, with an ending for a claim. */
const NAME = /^[0-9a-f]{64}(\.part[2-9]?)?$/;

/** Returns whether a file of this name is a frame or a claim. Returns undefined for other files, which are not touched. */
export function fileKind(name: string): 'frame' | 'claim' | undefined {
  const match = NAME.exec(name);
  if (!match) return undefined;
  return match[1] === undefined ? 'frame' : 'claim';
}

/** Returns the name of a frame's file. */
export function frameName({ sha256 }: Pick<FrameKey, 'sha256'>): string {
  return Buffer.from(sha256).toString('hex');
}

/** Returns the path of a frame's file. */
export function framePath(directory: string, frame: FrameKey): string {
  return path.join(directory, frameName(frame));
}

/** Returns the names of the claims on a frame, in the order in which they are tried. */
export function claimNames(frame: FrameKey): readonly string[] {
  const name = frameName(frame);
  return CLAIM_ENDINGS.map(ending => name + ending);
}

/** Returns whether a file may be a frame of `size` bytes, by its status. */
export function isFrame(stats: Stats | undefined, size: number): boolean {
  return stats?.isFile() === true && stats.size === size;
}

/** Memory of this thread for the frame that it reads, kept from frame to frame. */
let scratch = Buffer.allocUnsafeSlow(0);

/**
 * Reads a frame and checks its hash. Returns undefined if its file is absent, wrong or unreadable: links are not followed,
 * and a FIFO is not waited for. The bytes are valid until the next call in this thread.
 */
export function readFrame(directory: string, frame: FrameKey): Buffer | undefined {
  const flags = constants.O_RDONLY | thisPlatform.openFlags;
  return ignoreErrors(() =>
    withFile(framePath(directory, frame), flags, fd => {
      const stats = fstatSync(fd);
      if (!isFrame(stats, frame.size)) return undefined;
      if (scratch.length < frame.size) scratch = Buffer.allocUnsafeSlow(frame.size);
      const bytes = scratch.subarray(0, frame.size);
      if (readAt(fd, bytes, 0) < frame.size || !sha256(bytes).equals(frame.sha256)) return undefined;
      noteUse(fd);
      return bytes;
    }),
  );
}

/** Sets the time of the last use, by which eviction chooses the frames to remove. Only the owner of the file can. */
function noteUse(fd: number): void {
  const now = Date.now() / 1000;
  ignoreErrors(() => futimesSync(fd, now, now));
}

/**
 * Returns a text that identifies the file of a claim. It has the birth time, because inode numbers are used again. Returns
 * undefined without a status, and for everything but a regular file with one name.
 */
export function inodeText(stats: BigIntStats | undefined): string | undefined {
  if (!stats?.isFile() || stats.nlink !== 1n) return undefined;
  return `${stats.dev}:${stats.ino}:${stats.birthtimeNs}`;
}

/**
 * Writes the checked bytes of a frame into the file of the claim, and gives it the frame's name. Returns false if another
 * process has taken the claim over. Throws the system's errors.
 */
export function storeFrame(directory: string, frame: FrameKey, bytes: Uint8Array, claim: Claim): boolean {
  const { name, inode } = claim;
  const file = path.join(directory, name);
  try {
    const isOurs = withFile(file, constants.O_WRONLY | thisPlatform.openFlags, fd => {
      if (inodeText(fstatSync(fd, { bigint: true })) !== inode) return false;
      writeAt(fd, bytes, 0);
      return inodeText(lstatExact(file)) === inode;
    });
    if (!isOurs) return false;
    // It may replace a wrong file, also of another user
    renameSync(file, framePath(directory, frame));
    return true;
  } catch (error) {
    if (TAKEN.has((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}

/**
 * Codes of a claim that is not a file of this process any more: removed (ESTALE: by another host), a link, a FIFO, a directory, of
 * another user. On Windows they also mean a frame that another process has open, which needs no replacement (EACCES, EBUSY, EPERM).
 */
const TAKEN = new Set(['ENOENT', 'ESTALE', 'ELOOP', 'ENXIO', 'EISDIR', 'EACCES', 'EPERM', 'EBUSY']);
