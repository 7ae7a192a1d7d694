/** Jobs for the directory of the disk cache (disk-cache/), and the facts about it and its frames that threads exchange. */

import type { Frame } from '../format/entry.ts';

/** The size and the SHA-256 of a frame, by which the disk cache finds and checks it. */
export type FrameKey = Pick<Frame, 'size' | 'sha256'>;

/** A claim of this process: the name of its file, and its inode as text (disk-cache/frame-files.ts). */
export interface Claim {
  readonly name: string;
  readonly inode: string;
}

/** A usable directory, with its state at the beginning of a restore. */
export interface OpenedDirectory {
  /** Path without symlinks, because they could be changed meanwhile. */
  readonly path: string;
  /** `DEVICE/INODE`. */
  readonly inode: string;
  /** The mode of new frames. */
  readonly mode: number;
  /** Code of the reason why nothing can be stored in it. */
  readonly problem: string | undefined;
}

/** A job that checks the directory and finds frames in it. Fails with the code of the reason why the directory cannot be used. */
export interface FindJob {
  readonly kind: 'find';
  readonly directory: string;
  /** The name of each frame's file, and its size in bytes. */
  readonly files: readonly { readonly name: string; readonly size: number }[];
}

export interface FindResult {
  readonly directory: OpenedDirectory;
  /** Whether the directory has each frame. */
  readonly isPresent: readonly boolean[];
}

/** A job that removes frames above the limit of the directory. Fails with the system's error. */
export interface EvictJob {
  readonly kind: 'evict';
  readonly directory: OpenedDirectory;
  readonly maxBytes: number;
}

export interface EvictResult {
  /** Whether the limit is kept. */
  readonly isKept: boolean;
}
