/**
 * This folder gives memory back before the garbage collector would: that of buffers here, V8's heap in trim-heap.ts
 * (ADR 0009, 0011). The collector frees buffers late: dozens of frames wait for it, and each brings the next full
 * collection of the heap closer.
 */

/** Frees a buffer's memory at once. It, and all that share its memory, must not be used afterwards. */
export function release(bytes: Uint8Array): void {
  if (bytes.buffer instanceof ArrayBuffer) bytes.buffer.transfer(0);
}

/** Frees the memory of bytes that another module made, if it holds no other bytes. They must not be used afterwards. */
export function releaseOwned(bytes: Uint8Array): void {
  // A small Buffer is a part of Node's shared pool
  if (bytes.byteLength === bytes.buffer.byteLength) release(bytes);
}
