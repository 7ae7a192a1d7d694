/**
 * What the inner layers say to the user. `action/` gives it a voice (`::warning::` and so on); everything below sees
 * only this. Text that comes from outside (names of files, of keys) is escaped by the voice, not by the caller.
 */
export interface Log {
  /** Shown when the runner's debug mode is on. Never a secret. */
  debug(message: string): void;
  info(message: string): void;
  notice(message: string): void;
  warning(message: string): void;
  /**
   * Folds away the lines that follow; inside a group it does nothing. A notice or a warning ends the group first, so
   * that no fold hides it.
   */
  startGroup(title: string): void;
  /** Outside a group it does nothing. */
  endGroup(): void;
}

/** Says nothing. */
export const silentLog: Log = {
  debug() {},
  info() {},
  notice() {},
  warning() {},
  startGroup() {},
  endGroup() {},
};
