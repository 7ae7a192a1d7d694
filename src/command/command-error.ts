/** The end of a command that did its work and has found a problem: one sentence, exit status 1. */
export class CommandError extends Error {
  override name = 'CommandError';
}
