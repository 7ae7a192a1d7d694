/** A response that no S3 server sends. Repeating the request cannot help. */
export class ProtocolError extends Error {
  override name = 'ProtocolError';
}
