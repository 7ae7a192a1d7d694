/**
 * Bytes at an object's end that are asked for first: seek table and manifest of some 25,000 entries, or a whole small
 * archive. A module of its own, so that a lookup need not load what reads them.
 */
export const TAIL_BYTES = 256 * 1024;
