/**
 * The number and the limits of the archive format, the same on all systems. An object beyond the limits is damaged. This module
 * imports nothing, so that a lookup does not load the reader of archives.
 */

/** The format number, which is part of a key's version. It must increase if an older reader cannot read a newer object. */
export const FORMAT = 2;

/** Bytes of an object's end that are requested first: seek table and manifest of 25,000 entries, or a small archive. */
export const TAIL_BYTES = 256 * 1024;

/** Maximum number of raw bytes of a frame: more than a save plans for a frame, because a file may grow before it is read. */
export const MAX_FRAME_RAW_BYTES = 64 * 1024 * 1024;
/** Maximum number of bytes of the decoded manifest. */
export const MAX_MANIFEST_BYTES = 256 * 1024 * 1024;
/** Maximum number of entries of a manifest. */
export const MAX_ENTRIES = 4_000_000;
/** Maximum number of bytes of the compressed manifest, which a reader keeps beside the decoded one. */
export const MAX_STORED_MANIFEST_BYTES = 128 * 1024 * 1024;
/** Maximum number of bytes of the manifest's head: a parsed JSON takes 50 times as much memory. */
export const MAX_HEAD_BYTES = 4 * 1024 * 1024;
/** Maximum number of frames of the seek table: 16 TiB of data, read into 32 MiB. */
export const MAX_FRAMES = 4 * 1024 * 1024;

/** Maximum number of bytes of a stored name and of a link target: the longest path of Windows, as far as it is ASCII. */
export const MAX_NAME_BYTES = 32_767;
/** Maximum number of bytes of a name's component: four times the limit of Linux, for names of 255 characters. */
export const MAX_COMPONENT_BYTES = 1024;
/** Maximum number of components of a name: a path of Linux has no more. */
export const MAX_LEVELS = 2048;
/** Maximum number of bytes of all names in full. A manifest is much smaller, because it has the name of a directory only once. */
export const MAX_NAME_BYTES_IN_ALL = 512 * 1024 * 1024;
/**
 * Limit of the work for the entries at depth 0, as the sum of components times bytes of each name. The check of a root compares
 * each of its ancestors with the step's paths. A million files that a wildcard finds have half of it.
 */
export const MAX_ROOT_WORK = 2 ** 31;
