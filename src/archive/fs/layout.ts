/**
 * Where stored names live on this machine, and which of them the step may touch. `cache/paths/paths.ts` implements it from
 * the `path` input.
 *
 * A stored name is what the archive holds: `./x` below the workspace, `~/x` below the home directory, else absolute
 * with `/` as separator (`/gnu/store`, `C:/tools`). Directories end in `/`. Never `..`, never an empty component.
 * A name is a string; bytes that are not UTF-8 stand in it as U+DC80..U+DCFF (archive/fs/names.ts).
 */
export interface PathLayout {
  /** The stored name (without a trailing slash; `./` and `~/` for the anchors themselves) of an absolute path. */
  toStored(absolute: string): string;
  /** The absolute path of a stored name, in the platform's own spelling. Purely lexical. */
  toAbsolute(stored: string): string;
  /**
   * Whether the step's `path` itself names this entry: the entry or one of its ancestors matches a pattern, and no `!`
   * pattern takes it out. Costs a pattern match for each ancestor: ask it for the roots of an archive, and for every
   * entry only where `hasExclusions`.
   */
  permits(stored: string): boolean;
  readonly hasExclusions: boolean;
  /** Whether a `!` pattern takes this path (or the whole directory) out. */
  excludes(absolute: string): boolean;
  /**
   * Whether a symlink to a directory at this path is followed by a scan: a pattern without wildcards names it, so its
   * author means what is behind it (`~/.cargo -> /opt/rust/cargo`).
   */
  followsLink(absolute: string): boolean;
  /** The existing files and directories that the patterns name, absolute, in no order; nested ones may occur. */
  roots(): Promise<readonly string[]>;
}
