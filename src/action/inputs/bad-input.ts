/**
 * What the user gave cannot be used. The message is one sentence that names the input, its value (never a secret's) and
 * what is expected.
 */
export class BadInputError extends Error {
  override name = 'BadInputError';
}
