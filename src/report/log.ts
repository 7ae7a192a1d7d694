/**
 * The log of a step, for all layers below `action/`. `action/runner/` implements it with the runner's commands
 * (`::warning::`), and escapes foreign text there (names of files, keys, messages of servers). Callers pass text as it is.
 */
export interface Log {
  /** Logs a line that the runner shows only in debug mode. The line must contain no secret. */
  debug(message: string): void;
  info(message: string): void;
  notice(message: string): void;
  warning(message: string): void;
  /**
   * Begins a group, which the log shows folded. Does nothing inside a group. A notice or a warning ends the group, so that it
   * is not hidden.
   */
  startGroup(title: string): void;
  /** Ends the group. Does nothing outside a group. */
  endGroup(): void;
}
