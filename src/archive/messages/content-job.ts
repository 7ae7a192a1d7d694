import { CONTENT_HASH_BYTES } from '../format/content-hashes.ts';
import type { DataPiece } from '../format/data-pieces.ts';
import { type RowStatus, StatusRows } from '../fs/status-rows.ts';
import { readTable, type Table, TableWriter } from './table.ts';

/** A job that compares the data of pieces of files with hashes. */
export interface ContentJob {
  readonly kind: 'content';
  readonly pieces: Table;
  /** The status of each piece's file (`StatusRows`). A piece of a file with another status counts as different. */
  readonly status: BigInt64Array<ArrayBuffer>;
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

type PieceNumbers = [position: number, size: number];

/** Writes the job for pieces whose hashes were made with `key`. */
export function encodeContentJob(pieces: readonly HashedPiece[], key: Uint8Array): ContentJob {
  const rows = StatusRows.of(pieces.length);
  const table = new TableWriter<PieceNumbers, [path: string]>(pieces.length);
  const hashes = new Uint8Array(pieces.length * CONTENT_HASH_BYTES);
  pieces.forEach(({ path, stats, position, size, hash }, index) => {
    rows.set(index, stats);
    table.add([position, size], [path]);
    hashes.set(hash, index * CONTENT_HASH_BYTES);
  });
  return { kind: 'content', pieces: table.finish(), status: rows.values, hashes, key };
}

/** A piece that a worker reads and compares. */
export interface PieceToRead extends Omit<HashedPiece, 'stats'> {
  /** Returns whether `stats` is the status that the scan has read. */
  isUntouched(stats: RowStatus): boolean;
}

/** Reads the pieces of a job. */
export function* readHashedPieces({ pieces, status, hashes }: ContentJob): Generator<PieceToRead> {
  const rows = new StatusRows(status);
  let row = 0;
  for (const [[position, size], [path]] of readTable<PieceNumbers, [path: string]>(pieces)) {
    const index = row++;
    const hash = hashes.subarray(index * CONTENT_HASH_BYTES, (index + 1) * CONTENT_HASH_BYTES);
    yield { path, position, size, hash, isUntouched: stats => rows.matches(index, stats) };
  }
}
