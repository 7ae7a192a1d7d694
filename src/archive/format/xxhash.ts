/** The only part of hash-wasm that is used. The build puts it into a file of its own, which is loaded for the first hash. */
export { createXXHash128 } from 'hash-wasm';
