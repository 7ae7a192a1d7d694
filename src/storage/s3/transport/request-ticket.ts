import { Readable } from 'node:stream';
import { TimeoutError } from '../../../retry/time-limits.ts';
import { MAX_BODY_BYTES, readWhole } from './body.ts';
import { ProtocolError } from './protocol-error.ts';
import { NoResponseError } from './timers.ts';
import type { SendOptions, TransportRequest, TransportResponse } from './transport.ts';

/** The messages with which the main thread lets a worker send a request that it has signed. All of it is plain data. */

export interface RequestTicket {
  readonly request: Omit<TransportRequest, 'body'>;
  readonly limits: Omit<SendOptions, 'signal'>;
}

/** Makes the ticket of a request. Throws the reason of a signal that was aborted while the request was signed. */
export function ticketOf(
  { body: _, ...request }: TransportRequest,
  { signal, ...limits }: SendOptions,
): RequestTicket {
  signal?.throwIfAborted();
  return { request, limits };
}

/** The outcome of one request: the head of its response, its failure, or both if it failed after the head. */
export interface RequestAnswer {
  readonly head?: ResponseHead | undefined;
  /** The body, unless it is that of a range: such a body fills the worker's buffer, and only a refusal of the range is here. */
  readonly body?: Uint8Array | undefined;
  readonly failure?: SentError | undefined;
}

type ResponseHead = Omit<TransportResponse, 'body'>;

/** The properties of an error by which failures are classified and described. Cloning keeps only its message. */
interface SentError {
  readonly name: string;
  readonly message: string;
  readonly code: string | undefined;
}

function encodeError(error: unknown): SentError {
  const { name, message, code } = error as NodeJS.ErrnoException;
  return { name, message, code };
}

const KNOWN_ERRORS = { TimeoutError, NoResponseError, ProtocolError };

function decodeError({ name, message, code }: SentError): Error {
  const KnownError = KNOWN_ERRORS[name as keyof typeof KNOWN_ERRORS];
  return KnownError ? new KnownError(message) : Object.assign(new Error(message), code && { code });
}

/**
 * Makes the answer of a thread that sends a request for the main thread, which decides whether the response is the right one and
 * what follows from a failure.
 * @param read reads the body of a success. Default: into the answer.
 */
export async function answerOf(
  sending: Promise<TransportResponse>,
  read?: (body: Readable) => Promise<void>,
): Promise<RequestAnswer> {
  let head: ResponseHead | undefined;
  try {
    const { body, ...rest } = await sending;
    head = rest;
    if (!read || head.status < 200 || head.status >= 300) {
      return { head, body: await readWhole(body, MAX_BODY_BYTES) };
    }
    await read(body);
    return { head };
  } catch (error) {
    return { head, failure: encodeError(error) };
  }
}

/** Returns the response of an answer, or throws its failure. A body that failed fails here too, when it is read. */
export function responseOf({ head, body, failure }: RequestAnswer): TransportResponse {
  const error = failure && decodeError(failure);
  if (!head) throw error;
  if (!error) return { ...head, body: Readable.from(body?.length ? [Buffer.from(body)] : []) };
  const failing = new Readable({
    read() {
      this.destroy(error);
    },
  });
  // The reader of the body listens too; this listener keeps the failure of one that is not needed from ending the process
  return { ...head, body: failing.on('error', () => {}) };
}
