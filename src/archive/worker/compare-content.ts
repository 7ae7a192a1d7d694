import { Buffer } from 'node:buffer';
import { constants, fstatSync } from 'node:fs';
import { CONTENT_HASH_BYTES, type ContentHasher } from '../format/content-hashes.ts';
import { ignoreErrors } from '../fs/ignore-errors.ts';
import { thisPlatform } from '../fs/platform.ts';
import { readAt, withFile } from '../fs/with-file.ts';
import {
  type ContentJob,
  type ContentResult,
  type PieceToRead,
  readHashedPieces,
} from '../messages/content-job.ts';

/** Memory that this thread reads into, kept from job to job. */
let scratch = Buffer.allocUnsafeSlow(0);

/**
 * Reads pieces of files and compares their hashes. `hasher` has the job's key. A piece counts as different if its file cannot be
 * read, or has another status than in the scan. Never throws.
 */
export function compareContent(job: ContentJob, hasher: ContentHasher): ContentResult {
  const isSame = Array.from(readHashedPieces(job), piece => ignoreErrors(() => isSamePiece(piece, hasher)));
  return { isSame: Uint8Array.from(isSame, Number) };
}

function isSamePiece(
  { path, position, size, hash, isUntouched }: PieceToRead,
  hasher: ContentHasher,
): boolean {
  return withFile(path, constants.O_RDONLY | thisPlatform.openFlags, fd => {
    if (scratch.length < size) scratch = Buffer.allocUnsafeSlow(size);
    const data = scratch.subarray(0, size);
    if (readAt(fd, data, position) < size) return false;
    const own = Buffer.allocUnsafe(CONTENT_HASH_BYTES);
    hasher.write(data, own, 0);
    // The status is read last: it proves that the file did not change before
    return own.equals(hash) && isUntouched(fstatSync(fd, { bigint: true }));
  });
}
