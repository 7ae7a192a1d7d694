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
}

/** Says nothing. */
export const silentLog: Log = { debug() {}, info() {}, notice() {}, warning() {} };
