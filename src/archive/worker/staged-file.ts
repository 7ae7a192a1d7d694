import { Buffer } from 'node:buffer';
import { closeSync, constants, fchmodSync, fchownSync, futimesSync, openSync, writeSync } from 'node:fs';
import type { Attributes } from '../format/entry.ts';
import { fsPath } from '../fs/names.ts';
import { thisPlatform, toFileTime } from '../fs/platform.ts';

/** A file of a restore, written where it is built: at once, or slice by slice where it goes over several frames. */

export const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
/** Zeros of this many bytes are left out of a file that is written in slices: they become a hole. */
const HOLE_BYTES = 64 * 1024;
const ZEROS = new Uint8Array(HOLE_BYTES);

/**
 * A new file, complete with mode, owner and time. The mode is right from its creation on: the process's umask is 0
 * while a restore runs (publish/stage.ts). Only where a default ACL masks it (`masksModes`), it is set again.
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

/** A slice of a file that exists already at its full length. Throws the system's errors. */
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

/** Owner, mode and times of an open file that was created with its mode. */
export function finishFile(fd: number, attributes: Attributes, now: number): void {
  if (thisPlatform.keepsOwners && isOthers(attributes)) fchownSync(fd, attributes.uid, attributes.gid);
  // A change of owner takes the set-id bits away, and so does every write of an ordinary user
  if (thisPlatform.hasModes && attributes.mode > 0o777) fchmodSync(fd, attributes.mode);
  futimesSync(fd, now, toFileTime(attributes.mtimeUs));
}

/** What we create is ours already: staging has no set-group-id bit (publish/staging-area.ts). */
function isOthers({ uid, gid }: Attributes): boolean {
  return uid >= 0 && (uid !== process.geteuid?.() || gid !== process.getegid?.());
}
