/**
 * Maps stored names to paths on this machine and back, and decides which of them the step may read and write.
 * `cache/paths/paths.ts` implements it from the `path` input.
 *
 * A stored name is the name of an entry in the archive: `./x` below the workspace, `~/x` below the home directory, else
 * absolute with `/` as separator (`/gnu/store`, `C:/tools`). Names of directories end in `/`. No component is empty or
 * `..`. A name is a string; bytes that are not UTF-8 are the characters U+DC80..U+DCFF (archive/fs/paths/names.ts).
 */
export interface PathLayout {
  /** Returns the stored name of an absolute path, without a trailing slash; `./` and `~/` for the anchors themselves. */
  toStored(absolute: string): string;
  /** Returns the absolute path of a stored name, in the platform's spelling. Does not read the disk. */
  toAbsolute(stored: string): string;
  /**
   * Returns whether the step's `path` includes this entry: the entry or one of its ancestors matches a pattern, and no
   * `!` pattern excludes it. Compares the name with each pattern: call this for the roots of an archive, and for other entries
   * only if `hasExclusions`.
   */
  permits(stored: string): boolean;
  /**
   * Returns whether `permits` may have another result for this name on another machine with the same `path`. That machine may
   * have other directories as workspace and home, or a system that compares names otherwise.
   */
  dependsOnMachine(stored: string): boolean;
  readonly hasExclusions: boolean;
  /** Returns whether a `!` pattern excludes this path or a directory above it. */
  excludes(absolute: string): boolean;
  /**
   * Returns whether a scan follows a symlink to a directory at this path. It does if a pattern without wildcards names the link,
   * since its author then means the directory (`~/.cargo -> /opt/rust/cargo`).
   */
  followsLink(absolute: string): boolean;
  /**
   * Finds the existing files and directories that the patterns name. Returns absolute paths in no order; some are below others.
   * Throws `SourceTreeError` if a directory cannot be searched, and the signal's reason.
   */
  roots(signal?: AbortSignal): Promise<readonly string[]>;
}
