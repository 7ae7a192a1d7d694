/** An error that ends the command with exit status 1. The message is one sentence for people. */
export class CommandError extends Error {
  override name = 'CommandError';
}
