/** The bench cannot run with these options or on this machine. The message is the whole explanation, in one sentence. */
export class BenchError extends Error {
  override readonly name = 'BenchError';
}
