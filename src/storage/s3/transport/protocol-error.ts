/** Error of a response that no S3 server sends. A retry cannot help. */
export class ProtocolError extends Error {
  override name = 'ProtocolError';
}

/** The message of a ProtocolError for a response of status 101. */
export const UPGRADE_REFUSAL = 'the server switches protocols (101), which was not requested';
