/**
 * This folder frees memory earlier than the garbage collector: buffers here, V8's heap in heap.ts (ADR 0009, 0011). The
 * collector frees buffers late: dozens of frames wait for it, and each makes V8 collect the whole heap earlier.
 */

/** Frees a buffer's memory at once. The buffer and all others on the same memory must not be used afterwards. */
export function release(bytes: Uint8Array): void {
  if (bytes.buffer instanceof ArrayBuffer) bytes.buffer.transfer(0);
}

/** Frees the memory of bytes that another module made, if it holds no other bytes. The bytes must not be used afterwards. */
export function releaseOwned(bytes: Uint8Array): void {
  // A small Buffer is a part of Node's shared pool
  if (bytes.byteLength === bytes.buffer.byteLength) release(bytes);
}
