import type { ClientRequest } from 'node:http';
import { ObservedCall } from '../../observed-call.ts';
import { errorCode } from '../errors/response-error.ts';
import { ProtocolError, UPGRADE_REFUSAL } from '../transport/protocol-error.ts';

/** Bound of a response with its headers, in bytes. GitHub's token has some 3 KB, the keys of a host 1 KB. */
const MAX_RESPONSE_BYTES = 128 * 1024;

/** One call of a client of the runner's or the host's services. Drops what the client prints, because it may quote the server. */
export class CredentialsCall extends ObservedCall {
  /** The status of the latest response. */
  status: number | undefined;
  /** The code of the failure of the latest request. */
  code: string | undefined;

  constructor() {
    super(MAX_RESPONSE_BYTES);
  }

  protected override print(): void {}

  protected override begin(request: ClientRequest): boolean {
    this.code = undefined;
    request.on('error', error => {
      this.code ??= errorCode(error);
    });
    request.once('response', ({ statusCode }) => {
      this.status = statusCode;
    });
    return true;
  }

  protected override failureOf(problem: 'length' | 'upgrade'): Error {
    return new ProtocolError(
      problem === 'length' ? `the response is longer than ${MAX_RESPONSE_BYTES} bytes` : UPGRADE_REFUSAL,
    );
  }
}
