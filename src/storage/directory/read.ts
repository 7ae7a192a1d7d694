import { type ByteRange, type GetOptions, type RangeBytes, spanOf } from '../object-store.ts';
import { ObjectReplacedError, objectReplaced } from '../store-errors.ts';
import { objectFile } from './file-names.ts';
import { fileEtag, isBehindLink, modifiedMsOf, openObjectFile, systemCode } from './files.ts';

/** Bytes per read: after each, progress is reported and the signal is checked. */
export const READ_BYTES = 4 * 1024 * 1024;

/**
 * Reads a range of an object of the store at `root`. Opens its file once, so that all bytes are of one version. Returns undefined
 * if there is no regular file, or if it is behind a link. Throws `ObjectReplacedError` if its ETag is not `options.etag` or if
 * another host has removed it, and the system's errors.
 */
export async function readRange(
  root: string,
  name: string,
  range: ByteRange,
  options: GetOptions = {},
): Promise<RangeBytes | undefined> {
  options.signal?.throwIfAborted();
  const file = objectFile(root, name);
  const opened = (await isBehindLink(file, root)) ? undefined : await openObjectFile(file, options.signal);
  if (!opened) return undefined;
  const { handle, stats } = opened;
  try {
    const etag = fileEtag(stats);
    if (options.etag !== undefined && options.etag !== etag) throw objectReplaced(name);
    const sizeBytes = Number(stats.size);
    const { start, end } = spanOf(range, sizeBytes);
    // The memory is outside of Buffer's pool, which cannot be transferred to a worker
    const bytes = new Uint8Array(Buffer.allocUnsafeSlow(end - start).buffer);
    for (let filled = 0; filled < bytes.length; ) {
      options.signal?.throwIfAborted();
      const wanted = Math.min(READ_BYTES, bytes.length - filled);
      const { bytesRead } = await handle.read(bytes, filled, wanted, start + filled);
      // Another program has shortened the published file after it was opened
      if (bytesRead === 0) throw new ObjectReplacedError(`${name} was cut short meanwhile`);
      filled += bytesRead;
      options.onBytes?.(bytesRead);
    }
    return { bytes, start, sizeBytes, etag, modifiedMs: modifiedMsOf(stats) };
  } catch (error) {
    // Another host of a network mount (NFS) has removed or replaced the open file
    throw systemCode(error) === 'ESTALE' ? objectReplaced(name, error) : error;
  } finally {
    // Its error does not matter: the bytes are read
    await handle.close().catch(() => {});
  }
}
