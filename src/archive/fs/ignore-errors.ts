/**
 * Returns what `action` returns, or undefined if it throws. Used for steps whose failure must not end a restore or hide the error
 * that led to them, such as removing staging or setting the attributes of another user's directory.
 */
export function ignoreErrors<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}
