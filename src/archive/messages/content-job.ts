import { CONTENT_HASH_BYTES } from '../format/content-hashes.ts';
import type { DataPiece } from '../format/data-pieces.ts';
import { type RowStatus, StatusRows } from '../fs/status-rows.ts';

/** A job that compares the data of pieces of files with hashes. */
export interface ContentJob {
  readonly kind: 'content';
  /** The path of each piece's file. */
  readonly paths: string;
  /** The status of each piece's file (`StatusRows`). A piece of a file with another status counts as different. */
  readonly status: BigInt64Array<ArrayBuffer>;
  /** Position and size of each piece. */
  readonly places: Float64Array<ArrayBuffer>;
  /** `CONTENT_HASH_BYTES` for each piece. */
  readonly hashes: Uint8Array<ArrayBuffer>;
  readonly key: Uint8Array;
}

export interface ContentResult {
  /** 1 for each piece whose data has the hash, otherwise 0. */
  readonly isSame: Uint8Array<ArrayBuffer>;
}

/** A piece of a file on the disk, and the hash that its data is compared with. */
export interface HashedPiece extends Pick<DataPiece, 'position' | 'size'> {
  readonly path: string;
  readonly stats: RowStatus;
  readonly hash: Uint8Array;
}

/** Writes the job for pieces whose hashes were made with `key`. */
export function encodeContentJob(pieces: readonly HashedPiece[], key: Uint8Array): ContentJob {
  const rows = StatusRows.of(pieces.length);
  const places = new Float64Array(2 * pieces.length);
  const hashes = new Uint8Array(pieces.length * CONTENT_HASH_BYTES);
  pieces.forEach(({ stats, position, size, hash }, index) => {
    rows.set(index, stats);
    places[2 * index] = position;
    places[2 * index + 1] = size;
    hashes.set(hash, index * CONTENT_HASH_BYTES);
  });
  return {
    kind: 'content',
    paths: pieces.map(({ path }) => path).join('\0'),
    status: rows.values,
    places,
    hashes,
    key,
  };
}

/** A piece that a worker reads and compares. */
export interface PieceToRead extends Omit<HashedPiece, 'stats'> {
  /** Returns whether `stats` is the status that the scan has read. */
  isUntouched(stats: RowStatus): boolean;
}

/** Reads the pieces of a job. */
export function* readHashedPieces({ paths, status, places, hashes }: ContentJob): Generator<PieceToRead> {
  const rows = new StatusRows(status);
  const allPaths = paths.split('\0');
  for (let index = 0; index < rows.length; index++) {
    const start = index * CONTENT_HASH_BYTES;
    yield {
      path: allPaths[index]!,
      position: places[2 * index]!,
      size: places[2 * index + 1]!,
      hash: hashes.subarray(start, start + CONTENT_HASH_BYTES),
      isUntouched: stats => rows.matches(index, stats),
    };
  }
}
