/** Messages between the main thread and the thread that keeps the disk cache (disk-cache/keeper.ts). */

import { SHA256_BYTES } from '../format/codec.ts';
import type { Frame } from '../format/entry.ts';

/** The size and the SHA-256 of a frame: all that the disk cache knows of it. */
export type FrameKey = Pick<Frame, 'size' | 'sha256'>;

/** Frames in a form that is cheap to clone. */
interface FrameList {
  readonly sizes: Float64Array<ArrayBuffer>;
  /** `SHA256_BYTES` for each frame. */
  readonly hashes: Uint8Array<ArrayBuffer>;
}

export function encodeFrames(frames: readonly FrameKey[]): FrameList {
  const sizes = Float64Array.from(frames, ({ size }) => size);
  const hashes = new Uint8Array(frames.length * SHA256_BYTES);
  for (const [index, { sha256 }] of frames.entries()) hashes.set(sha256, index * SHA256_BYTES);
  return { sizes, hashes };
}

export function decodeFrames({ sizes, hashes }: FrameList): FrameKey[] {
  return Array.from(sizes, (size, index) => ({
    size,
    sha256: hashes.subarray(index * SHA256_BYTES, (index + 1) * SHA256_BYTES),
  }));
}

/** A directory for frames, and its limit in bytes. */
export interface DiskCacheSettings {
  readonly directory: string;
  readonly maxBytes: number;
}

/** A claim of this process: the name of its file, and the text of its inode (disk-cache/frame-files.ts). */
export interface Claim {
  readonly name: string;
  readonly inode: string;
}

/**
 * `claim`: frames that are absent, unless another process holds a claim. `insist`: also beside the claims of others. `replace`: also
 * frames that are present.
 */
export type ClaimKind = 'claim' | 'insist' | 'replace';

/**
 * `open`: check the directory. `find`: which frames are there? A `ClaimKind`: let this process fetch frames. `await`: as `claim`,
 * after a while or when a claim of another process changes. `settle`: these claims are used up; `bytes` were stored, and
 * `problem` kept one from it. `close`: give up all claims, and keep the limit.
 */
export type DiskRequest =
  | { readonly kind: 'open' }
  | { readonly kind: 'find' | ClaimKind | 'await'; readonly frames: FrameList }
  | {
      readonly kind: 'settle';
      readonly claims: readonly Claim[];
      readonly bytes: number;
      readonly problem: string | undefined;
    }
  | { readonly kind: 'close' };

/**
 * A file of the frame's size is there (`present`), or not (`absent`). After a claim: this process fetches it and stores it
 * (`ours`), another one does (`others`), or it cannot be stored (`refused`).
 */
export const FrameState = { absent: 0, present: 1, ours: 2, others: 3, refused: 4 } as const;
export type FrameState = (typeof FrameState)[keyof typeof FrameState];

export interface DiskAnswer {
  /** A state for each frame of the request. */
  readonly states: Uint8Array<ArrayBuffer>;
  /** By frame: the claim if it is `ours`. */
  readonly claims: readonly (Claim | undefined)[];
  /** Code of the reason why the directory cannot be used (`open`), or nothing can be stored in it (a claim, `close`). */
  readonly problem?: string | undefined;
  /** Of `open`: the path of the directory without links. */
  readonly directory?: string;
}

export interface DiskMessage {
  readonly id: number;
  readonly request: DiskRequest;
}
