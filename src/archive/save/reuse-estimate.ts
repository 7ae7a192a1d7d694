import type { ContentHashes } from '../format/content-hashes.ts';
import type { Entry, Manifest } from '../format/entry.ts';
import { BLOCK_BYTES, NAME_BYTES, PAX_HEADER_BYTES, padded } from '../format/tar-blocks.ts';
import { fractionOf } from '../fs/file-times.ts';
import type { StatusRows } from '../fs/status-rows.ts';

/** An archive that this job restored: a save may copy its data region inside the store. */
export interface BaseArchive {
  readonly manifest: Manifest;
  /** Status of the restored files, by entry. */
  readonly rows: StatusRows;
  /** Hashes of the restored data. Undefined if they are not known. Then a file with another status counts as changed. */
  readonly contents: ContentHashes | undefined;
}

/** Use of an archive's data region, in bytes of the object. */
export interface RegionUsage {
  readonly regionBytes: number;
  /** Bytes that no entry in use refers to. They are an estimate, because frames are compressed as a whole. */
  readonly deadBytes: number;
}

/** S3's smallest part, in bytes: a smaller region cannot be copied. */
const MIN_REGION_BYTES = 5 * 1024 * 1024;
/** The share of dead bytes above which a full save is better. */
const MAX_DEAD_SHARE = 0.25;

/** Returns whether a save should copy a region with this use. */
export function isWorthReusing({ regionBytes, deadBytes }: RegionUsage): boolean {
  return regionBytes >= MIN_REGION_BYTES && deadBytes <= MAX_DEAD_SHARE * regionBytes;
}

/** Estimates how much of an archive's frames its entries use. `isUsed` receives an entry's index. By default all are used. */
export function regionUsage(
  { entries, frames }: Manifest,
  isUsed: (entry: number) => boolean = () => true,
): RegionUsage {
  /** Raw bytes of data, padding and headers that are used in each frame. */
  const used = new Float64Array(frames.length);
  /** Bytes of the headers of entries without data: the manifest does not record their frames. */
  let headers = 0;
  entries.forEach((entry, index) => {
    if (!isUsed(index)) return;
    let { frame, offset, size: left } = entry;
    if (left === 0) headers += headerBytes(entry);
    else used[frame]! += headerBytes(entry);
    for (; left > 0; frame++, offset = 0) {
      const take = Math.min(left, frames[frame]!.rawSize - offset);
      used[frame]! += padded(take);
      left -= take;
    }
  });
  let [regionBytes, dead, deadRaw] = [0, 0, 0];
  frames.forEach(({ size, rawSize }, index) => {
    const unused = Math.max(0, rawSize - used[index]!);
    regionBytes += size;
    // Estimates with the compression ratio of the frame
    dead += size * (unused / rawSize);
    deadRaw += unused;
  });
  const share = deadRaw > 0 ? Math.max(0, deadRaw - headers) / deadRaw : 0;
  return { regionBytes, deadBytes: dead * share };
}

/** Estimates the bytes of an entry's header in tar: nearly all have one of two lengths. */
function headerBytes(entry: Entry): number {
  return entry.name.length <= NAME_BYTES && fractionOf(entry) === 0 ? BLOCK_BYTES : PAX_HEADER_BYTES;
}
