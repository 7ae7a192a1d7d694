/**
 * An object that cannot be restored: truncated, corrupt, not an archive of this action, or with entries that the step does not
 * allow. The tree is unchanged when this is thrown. The message is one clause that names the fault; paths in it are not escaped.
 */
export class DamagedArchiveError extends Error {
  override name = 'DamagedArchiveError';
}

/**
 * An archive that only another release or machine can restore: it has another format number, or names or a size that this
 * machine cannot handle. It counts as a miss and is not replaced. The message is one clause, as in `DamagedArchiveError`.
 */
export class UnusableArchiveError extends Error {
  override name = 'UnusableArchiveError';
}

/** A tree that cannot be saved: a file keeps changing or cannot be read. The message names the path. Nothing is stored. */
export class SourceTreeError extends Error {
  override name = 'SourceTreeError';
}

/**
 * An incremental save that cannot continue, because too much of the tree has changed. The bytes written so far are useless: a
 * full save must follow.
 */
export class BaseOutgrownError extends Error {
  override name = 'BaseOutgrownError';
}

/**
 * A target tree that cannot be written (owner, type, mount point, disk full). It is unchanged, unless the commit had begun:
 * then some files may be published, each of them whole (publish/commit/commit.ts).
 */
export class TargetTreeError extends Error {
  override name = 'TargetTreeError';
  /** Whether the commit had begun and could not be completed, so that the tree is a mixture of its old and its new state. */
  readonly treeChanged: boolean;
  constructor(message?: string, options: ErrorOptions & { readonly treeChanged?: boolean } = {}) {
    super(message, options);
    this.treeChanged = options.treeChanged ?? false;
  }
}

/**
 * A file in staging that cannot be written. Its path means nothing to a user, so a restore replaces this error with a
 * `TargetTreeError` that has the path of the entry (publish/plan/target-plan.ts).
 */
export class StagedFileError extends Error {
  override name = 'StagedFileError';
  readonly path: string;
  readonly code: string | undefined;

  /** @param cause the system's error, or an object with its code if another thread has met it. */
  constructor(path: string, cause: unknown) {
    super('a file in staging cannot be written', { cause });
    this.path = path;
    this.code = (cause as NodeJS.ErrnoException).code;
  }
}

/** Explanation of the code EMFILE. */
export const OPEN_FILES_LIMIT = 'the limit of open files is reached; raise `nofile`';
