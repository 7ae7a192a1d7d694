/**
 * The number and the limits of the archive format, the same on all systems: an object beyond them is damaged. This module
 * imports nothing, so that a lookup need not load the reader of archives.
 */

/** The format number. It must increase if an older reader cannot read a newer object; it is part of a key's version. */
export const FORMAT = 2;

/** Bytes of an object's end that are requested first: seek table and manifest of 25,000 entries, or a small archive. */
export const TAIL_BYTES = 256 * 1024;

/** Most raw bytes of a frame. More than a frame is filled to, because a file may grow while it is read. */
export const MAX_FRAME_RAW_BYTES = 64 * 1024 * 1024;
/** Most bytes of the decoded manifest. */
export const MAX_MANIFEST_BYTES = 256 * 1024 * 1024;
/** Most entries of a manifest: a few kilobytes can claim many, and each takes memory before it can be refused. */
export const MAX_ENTRIES = 4_000_000;
/** Most characters of all names in full. Much more than the manifest's bytes, which hold a directory's name once. */
export const MAX_NAME_CHARACTERS = 512 * 1024 * 1024;
