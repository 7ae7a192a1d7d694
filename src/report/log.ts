/**
 * The log of a step, as all layers below `action/` see it. `action/runner/` implements it with the runner's commands
 * (`::warning::`). It escapes foreign text (names of files, keys, messages of servers); callers pass text as it is.
 */
export interface Log {
  /** Shown when the runner's debug mode is on. Never a secret. */
  debug(message: string): void;
  info(message: string): void;
  notice(message: string): void;
  warning(message: string): void;
  /**
   * Begins a group, which the log shows folded; inside a group it does nothing. A notice or a warning ends the group, so
   * that it is not hidden.
   */
  startGroup(title: string): void;
  /** Outside a group it does nothing. */
  endGroup(): void;
}
