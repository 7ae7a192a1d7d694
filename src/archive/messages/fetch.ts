/**
 * Messages with which the main thread starts fetches of a worker into the worker's memory. The archive uses only the number of
 * bytes. The ticket and the answer are plain data of a store (`ObjectStore.workerReads`).
 */

/** A request to fetch bytes with `ticket` into buffer number `buffer` of `length` bytes, from offset `at` on. */
export interface FetchMessage {
  readonly id: number;
  readonly buffer: number;
  readonly length: number;
  readonly at: number;
  readonly ticket: unknown;
}

/** A buffer that a fetch fills from `filled` on. */
export interface FillingBuffer {
  readonly bytes: Uint8Array;
  filled: number;
}

/**
 * Fetches bytes in a worker. Calls `onBytes` with the number of bytes of each piece. Resolves with an answer that can be
 * cloned to the main thread, also when the fetch has failed.
 */
export type Fetcher = (
  ticket: unknown,
  target: FillingBuffer,
  onBytes: (count: number) => void,
) => Promise<unknown>;
