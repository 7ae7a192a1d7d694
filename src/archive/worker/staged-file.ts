import { Buffer } from 'node:buffer';
import { closeSync, constants, fchmodSync, fchownSync, futimesSync, openSync, writeSync } from 'node:fs';
import type { Attributes } from '../format/entry.ts';
import { fileTimes } from '../fs/file-times.ts';
import { fsPath } from '../fs/names.ts';
import { thisPlatform } from '../fs/platform.ts';

export const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
/** Blocks of zeros of this size are not written to a file in slices: they become a hole. */
const HOLE_BYTES = 64 * 1024;
const ZEROS = new Uint8Array(HOLE_BYTES);

/**
 * Writes a new file with its mode, owner and time. It is created with its mode: the process's umask is 0 while a restore
 * runs (publish/stage.ts). Only where a default ACL masks it (`masksModes`), the mode is set again.
 * `now` becomes its access time, in seconds. Throws the system's errors.
 */
export function writeWhole(
  path: string,
  data: Uint8Array | undefined,
  attributes: Attributes,
  now: number,
  masksModes: boolean,
): void {
  const fd = openSync(fsPath(path), NEW_FILE, attributes.mode);
  try {
    if (data) writeAll(fd, data, 0);
    if (masksModes) fchmodSync(fd, attributes.mode);
    finishFile(fd, attributes, now);
  } finally {
    closeSync(fd);
  }
}

/** Writes a slice of a file that exists already at its full length. Throws the system's errors. */
export function writePart(path: string, data: Uint8Array, position: number): void {
  const fd = openSync(fsPath(path), constants.O_WRONLY);
  try {
    for (let start = 0; start < data.length; start += HOLE_BYTES) {
      const block = data.subarray(start, start + HOLE_BYTES);
      if (isZero(block)) continue;
      // One write up to the next hole
      let end = start + block.length;
      while (end < data.length && !isZero(data.subarray(end, end + HOLE_BYTES))) end += HOLE_BYTES;
      writeAll(fd, data.subarray(start, end), position + start);
      start = end - HOLE_BYTES;
    }
  } finally {
    closeSync(fd);
  }
}

function isZero(block: Uint8Array): boolean {
  return block[0] === 0 && Buffer.compare(block, ZEROS.subarray(0, block.length)) === 0;
}

function writeAll(fd: number, data: Uint8Array, position: number): void {
  for (let done = 0; done < data.length; ) {
    done += writeSync(fd, data, done, data.length - done, position + done);
  }
}

/** Sets owner and times of an open file that was created with its mode. `now` is in seconds. Throws the system's errors. */
export function finishFile(fd: number, attributes: Attributes, now: number): void {
  if (thisPlatform.keepsOwners && isOthers(attributes)) fchownSync(fd, attributes.uid, attributes.gid);
  // A change of owner clears the set-id bits, and so does each write of an ordinary user
  if (thisPlatform.hasModes && attributes.mode > 0o777) fchmodSync(fd, attributes.mode);
  futimesSync(fd, now, fileTimes.toSeconds(attributes));
}

/** Whether it belongs to someone else than a new file does: staging has no set-group-id bit (publish/staging-area.ts). */
function isOthers({ uid, gid }: Attributes): boolean {
  return uid >= 0 && (uid !== process.geteuid?.() || gid !== process.getegid?.());
}
