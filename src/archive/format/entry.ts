import type { Attributes } from '../fs/attributes.ts';

/** Type of an entry, by its number in the manifest. */
export const EntryType = { file: 0, directory: 1, symlink: 2, hardLink: 3 } as const;
export type EntryType = (typeof EntryType)[keyof typeof EntryType];

/** One entry of an archive's manifest. */
export interface Entry extends Attributes {
  /** Stored name (archive/fs/paths/layout.ts); ends in `/` if and only if it is a directory. */
  readonly name: string;
  readonly type: EntryType;
  /** Bytes of data; 0 unless it is a file. */
  readonly size: number;
  /** A symlink's target, else ''. */
  readonly target: string;
  /** A hard link's target: the index of an earlier entry, a file or symlink; else -1. */
  readonly linkTo: number;
  /** Index of the frame in which the data begins; -1 when there is none. */
  readonly frame: number;
  /** Offset of the data in that frame's raw bytes. Data that is longer continues at byte 0 of the next frame. */
  readonly offset: number;
}

/** Returns the file, directory or symlink that an entry is a name of: for a hard link, the entry that it links to. */
export function inodeOf(entry: Entry, entries: readonly Entry[]): Entry {
  return entry.linkTo < 0 ? entry : entries[entry.linkTo]!;
}

/** One zstd frame of the data region. Frames follow each other without gaps from byte 0 of the object. */
export interface Frame {
  /** Compressed bytes. */
  readonly size: number;
  /** Bytes of tar. */
  readonly rawSize: number;
  /** SHA-256 of the compressed bytes. */
  readonly sha256: Uint8Array;
}

/** Facts about an archive for people, and to check that it is the requested one. */
export interface ManifestHead {
  readonly tool: string;
  /** Full name of the object that this archive was written to. */
  readonly object: string;
  readonly key: string;
  readonly version: string;
  readonly paths: readonly string[];
  readonly platform: string;
  /** Repository, ref, commit, run id and attempt, as far as known. */
  readonly origin: Readonly<Record<string, string>>;
  /**
   * Stored names of directories that an earlier incremental save had and this tree does not: a tar reader still finds them in
   * the frames. Absent if there are none.
   */
  readonly deadDirectories?: readonly string[];
}

/** The entries of an archive and the positions of their data. */
export interface Manifest {
  readonly head: ManifestHead;
  readonly frames: readonly Frame[];
  /** The entries in byte order of their names, parents first. */
  readonly entries: readonly Entry[];
}

/** Returns the parent's stored name (`./a/` for `./a/b` and `./a/b/`), or '' for a name that can have no parent entry. */
export function parentName(name: string): string {
  if (name === '/') return '';
  const end = name.length - (name.endsWith('/') ? 2 : 1);
  return name.slice(0, name.lastIndexOf('/', end) + 1);
}
