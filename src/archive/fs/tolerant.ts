/**
 * For what is not worth a restore, or not worth hiding the error that led here: attributes of a directory that is
 * another user's or that another job has replaced, staging that cannot be removed.
 */
export function tolerant(change: () => unknown): void {
  try {
    change();
  } catch {
    // Content is what was promised; it is in place, or the caller says that it is not
  }
}
