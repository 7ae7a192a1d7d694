/**
 * Memory outside V8's heap, handled by hand. The collector counts it, but too late and at a price: left to it, dozens of
 * frames wait to be freed, and each of them brings the next full collection of the whole heap closer.
 */

/** Gives a buffer's memory back at once. Nothing may use it, or anything else that shares its memory, afterwards. */
export function release(bytes: Uint8Array): void {
  if (bytes.buffer instanceof ArrayBuffer) bytes.buffer.transfer(0);
}

/** As `release`, for bytes that came from elsewhere: only where they are all that their memory holds. */
export function releaseOwned(bytes: Uint8Array): void {
  // A small Buffer is a part of Node's common pool
  if (bytes.byteLength === bytes.buffer.byteLength) release(bytes);
}

/**
 * The same bytes in memory of just their size: what is sent to another thread is counted there in full. `bytes` must
 * not be used afterwards.
 */
export function shrink(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  if (bytes.byteOffset > 0) return bytes.slice();
  return new Uint8Array(bytes.buffer.transfer(bytes.byteLength));
}
