import type { RequestTicket } from './request-ticket.ts';

/** A message to a thread that sends parts. `part` numbers the part, `id` the report (archive/messages/report.ts). */
export type SenderMessage =
  /** Transfers a part to the thread. */
  | { readonly kind: 'add'; readonly part: number; readonly pieces: readonly Uint8Array[] }
  /** Sends the part. The answer is a RequestAnswer. */
  | {
      readonly kind: 'send';
      readonly id: number;
      readonly part: number;
      readonly ticket: RequestTicket;
    }
  /** Computes the MD5 of the part. The answer is the MD5 in base64. */
  | { readonly kind: 'digest'; readonly id: number; readonly part: number }
  /** Cancels a request, which is still answered. */
  | { readonly kind: 'cancel'; readonly id: number }
  /** Frees the memory of the part. */
  | { readonly kind: 'release'; readonly part: number };
