/**
 * What the main thread and the workers say to each other. Columns, not objects: cloning 100,000 small objects between
 * threads costs as much as reading the files they name. Lists of strings travel as one string with NUL between them.
 */

/**
 * Numbers of a member in `PackJob.numbers`. `dev` and `ino`, rounded to doubles, are those of a file with several names,
 * else 0. `mtimeMs` and `ctimeMs` are what the scan saw, by which a file is known to be untouched.
 */
export const PackColumn = {
  type: 0,
  mode: 1,
  mtimeUs: 2,
  size: 3,
  uid: 4,
  gid: 5,
  dev: 6,
  ino: 7,
  mtimeMs: 8,
  ctimeMs: 9,
  width: 10,
} as const;

/** Make one frame from these members. */
export interface PackJob {
  readonly kind: 'pack';
  readonly names: string;
  /** Absolute paths. */
  readonly paths: string;
  readonly linkNames: string;
  /** `PackColumn.width` numbers a member. */
  readonly numbers: Float64Array<ArrayBuffer>;
  /** Only a slice of the one member, a large file. */
  readonly slice: SliceOfFile | undefined;
  /** zstd level, 1 to 19. */
  readonly level: number;
}

/** The bytes `start` to `end` of a file that must still be the one that was scanned. */
export interface SliceOfFile {
  readonly start: number;
  readonly end: number;
  readonly identity: FileIdentity;
}

/** What tells a file that was not touched. Times in ns. */
export interface FileIdentity {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}

/**
 * Numbers of a member in `PackResult.numbers`: as read, where that is not what the scan saw. `replaced` is 1 for a file
 * with several names that is another file by now: its other names are not names of what was read.
 */
export const PackedColumn = { offset: 0, size: 1, mtimeUs: 2, mode: 3, replaced: 4, width: 5 } as const;
/** `PackedColumn.offset` of a file that had vanished. */
export const VANISHED = -1;

export interface PackResult {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly rawSize: number;
  readonly sha256: Uint8Array<ArrayBuffer>;
  readonly numbers: Float64Array<ArrayBuffer>;
}

/** Numbers of a frame in `UnpackJob.frames`; `start` is its place in `UnpackJob.bytes`. */
export const FrameColumn = { start: 0, size: 1, rawSize: 2, width: 3 } as const;

/**
 * Numbers of a piece in `UnpackJob.pieces`: `size` bytes at `offset` of the raw bytes of frame number `frame` (of this
 * job) go to `position` of the file, which is complete with it unless `partial` is 1.
 */
export const PieceColumn = {
  frame: 0,
  offset: 1,
  size: 2,
  position: 3,
  partial: 4,
  mode: 5,
  mtimeUs: 6,
  uid: 7,
  gid: 8,
  width: 9,
} as const;

/** Check, decompress and write out these frames. */
export interface UnpackJob {
  readonly kind: 'unpack';
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly frames: Float64Array<ArrayBuffer>;
  /** 32 bytes a frame. */
  readonly hashes: Uint8Array<ArrayBuffer>;
  /** `PieceColumn.width` numbers a piece, in the order of the frames. */
  readonly pieces: Float64Array<ArrayBuffer>;
  /** The path of each piece's file. */
  readonly paths: string;
  /** Files are not created with the mode that is asked for: it has to be set afterwards. */
  readonly masksModes: boolean;
}

export interface UnpackResult {
  /** Bytes of file data written. */
  readonly written: number;
}

/** Numbers of an entry in `LookJob.numbers`. */
export const LookColumn = { type: 0, mode: 1, mtimeUs: 2, size: 3, uid: 4, gid: 5, width: 6 } as const;

/** What stands where an entry has to be: the same, a directory with other attributes, or something else or nothing. */
export const Found = { other: 0, current: 1, directory: 2 } as const;
export type Found = (typeof Found)[keyof typeof Found];

/** Look which of these entries are on the disk as the archive has them. */
export interface LookJob {
  readonly kind: 'look';
  /** Absolute paths, and symlinks' targets. */
  readonly paths: string;
  readonly targets: string;
  /** `LookColumn.width` numbers an entry. */
  readonly numbers: Float64Array<ArrayBuffer>;
}

export interface LookResult {
  /** One `Found` each. */
  readonly found: Uint8Array<ArrayBuffer>;
  /** Of files with several names: index in the job, device and inode. */
  readonly inodes: BigInt64Array<ArrayBuffer>;
}

export type Job = PackJob | UnpackJob | LookJob;

interface Results {
  readonly pack: PackResult;
  readonly unpack: UnpackResult;
  readonly look: LookResult;
}

/** What comes of a job. */
export type ResultOf<J extends Job> = Results[J['kind']];

/** How an error crosses between threads: by the class name that its receiver knows, and its message. */
export interface JobFailure {
  readonly name: string;
  readonly message: string;
  readonly code: string | undefined;
}

export function joinStrings(strings: readonly string[]): string {
  return strings.join('\0');
}

/** The strings of a joined list of `count`. */
export function splitStrings(joined: string, count: number): string[] {
  return count === 0 ? [] : joined.split('\0');
}
