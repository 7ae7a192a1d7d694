import type { RequestTicket } from './request-ticket.ts';

/** The messages between the main thread and a thread that sends parts. */

/** A message to the thread. `part` numbers a part that it holds, `id` a request for its report (archive/messages/report.ts). */
export type SenderMessage =
  | { readonly kind: 'hold'; readonly part: number; readonly pieces: readonly Uint8Array[] }
  | {
      readonly kind: 'send';
      readonly id: number;
      readonly part: number;
      readonly ticket: RequestTicket;
    }
  /** Returns the MD5 of the part, in base64. */
  | { readonly kind: 'digest'; readonly id: number; readonly part: number }
  /** Ends a sent request. It is still answered. */
  | { readonly kind: 'cancel'; readonly id: number }
  /** Frees the memory of the part. */
  | { readonly kind: 'release'; readonly part: number };
