/** The only part of hash-wasm that is used: in a file of its own in dist/, which is loaded for the first hash. */
export { createXXHash128 } from 'hash-wasm';
