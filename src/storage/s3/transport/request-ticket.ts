import { Readable } from 'node:stream';
import { TimeoutError } from '../../../retry/time-limits.ts';
import { MAX_BODY_BYTES, readWhole } from './body.ts';
import { ProtocolError } from './protocol-error.ts';
import { NoResponseError } from './timers.ts';
import type { SendOptions, TransportRequest, TransportResponse } from './transport.ts';

/** Messages by which another thread sends the requests that the main thread has signed. They are plain data. */

/** A signed request and its limits. */
export interface RequestTicket {
  readonly request: Omit<TransportRequest, 'body'>;
  readonly limits: Omit<SendOptions, 'signal'>;
}

/** Makes the ticket of a request. Throws the signal's reason if it was aborted while the request was signed. */
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
  /** The body. Undefined for the success of a range, whose bytes are in the worker's buffer. */
  readonly body?: Uint8Array | undefined;
  readonly failure?: SentError | undefined;
}

type ResponseHead = Omit<TransportResponse, 'body'>;

/** The properties by which an error is classified and described. The clone of an error keeps only its message. */
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
 * Makes the answer of a thread that sends a request for the main thread. The main thread checks the response, and decides what
 * follows from a failure.
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

/** Returns the response of an answer. Throws a failure that was before the head. A read of the body rejects with a later one. */
export function responseOf({ head, body, failure }: RequestAnswer): TransportResponse {
  const error = failure && decodeError(failure);
  if (!head) throw error;
  if (!error) return { ...head, body: Readable.from(body?.length ? [Buffer.from(body)] : []) };
  const failing = new Readable({
    read() {
      this.destroy(error);
    },
  });
  // The reader of the body has a listener too. Without this one, the failure of a body without a reader would end the process
  return { ...head, body: failing.on('error', () => {}) };
}
