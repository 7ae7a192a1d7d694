/**
 * An object that cannot be restored: torn, corrupt, foreign, or asking for what the step does not allow. The tree is
 * untouched when this is thrown. The message is one clause that names the fault, with names escaped.
 */
export class DamagedArchiveError extends Error {
  override name = 'DamagedArchiveError';
  /** The object, filled in by the backend that found it: the save of the same job may replace it. */
  object: { readonly name: string; readonly etag: string; readonly key: string } | undefined;
}

/** An archive of a format this version does not know: a miss, not damage (a newer release wrote it). */
export class UnknownFormatError extends Error {
  override name = 'UnknownFormatError';
}

/** The source tree cannot be archived: a file kept changing, or cannot be read. Names the path. Nothing is stored. */
export class SourceTreeError extends Error {
  override name = 'SourceTreeError';
}

/**
 * A save had begun to grow from its base, and too much of the tree turned out to have changed. What was written is of no
 * use: it is to be done again, in full.
 */
export class BaseOutgrownError extends Error {
  override name = 'BaseOutgrownError';
}

/**
 * The target tree cannot be written (owner, type, mount point, disk full). Before the commit nothing has changed when
 * this is thrown; a commit may have published some of its files, each of them whole (publish/commit.ts).
 */
export class TargetTreeError extends Error {
  override name = 'TargetTreeError';
  /** The commit had begun and could not be ended: the tree is neither what it was nor what the cache holds. */
  halfway = false;
}
