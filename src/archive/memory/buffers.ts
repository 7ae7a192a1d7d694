/**
 * This folder frees memory earlier than the garbage collector does: buffers here, V8's heap in heap.ts (ADR 0009, 0011). The
 * collector leaves the memory of dozens of frames unfreed, and these make V8 collect the whole heap more often.
 */

/** Frees a buffer's memory at once. The buffer and all others on the same memory must not be used afterwards. */
export function release(bytes: Uint8Array): void {
  if (bytes.buffer instanceof ArrayBuffer) bytes.buffer.transfer(0);
}

/** Frees the memory of bytes, unless other bytes may be in the same memory. The bytes must not be used afterwards. */
export function releaseOwned(bytes: Uint8Array): void {
  // A small Buffer is a part of Node's pool
  if (bytes.byteLength === bytes.buffer.byteLength) release(bytes);
}
