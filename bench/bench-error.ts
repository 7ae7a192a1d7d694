/** The bench cannot do what was asked; the message is the whole explanation, in one sentence. */
export class BenchError extends Error {
  override readonly name = 'BenchError';
}
