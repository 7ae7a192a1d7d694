import type { RequestAnswer, RequestTicket } from './request-ticket.ts';

/** The messages between the main thread and a thread that sends parts. */

/** A message to the thread. `part` numbers a part that it holds, `request` a request for its answer. */
export type SenderMessage =
  | { readonly kind: 'hold'; readonly part: number; readonly pieces: readonly Uint8Array[] }
  | {
      readonly kind: 'send';
      readonly part: number;
      readonly request: number;
      readonly ticket: RequestTicket;
    }
  /** Returns the MD5 of the part, in base64. */
  | { readonly kind: 'digest'; readonly part: number; readonly request: number }
  /** Ends a sent request, which is answered all the same. */
  | { readonly kind: 'cancel'; readonly request: number }
  /** Frees the memory of the part. */
  | { readonly kind: 'release'; readonly part: number };

/** A message from the thread: bytes that were sent since the last one, and the outcome with the last one. */
export interface SenderReport {
  readonly request: number;
  readonly bytes: number;
  readonly answer?: RequestAnswer | string;
}
