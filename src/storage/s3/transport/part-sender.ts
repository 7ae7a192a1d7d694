import type { MessagePort } from 'node:worker_threads';
import { collectBytes, type Report } from '../../../archive/messages/report.ts';
import { systemClock } from '../../../retry/clock.ts';
import type { ConnectionSettings } from './agents.ts';
import { answerOf, type RequestAnswer, type RequestTicket } from './request-ticket.ts';
import { bodyOf, md5Of, Transport } from './transport.ts';

/** Number of sent bytes that one report covers. It is small, because `compression-level: auto` depends on the reports. */
const REPORT_BYTES = 1024 * 1024;

/** A message to a thread that sends parts. `part` numbers the part, `id` the report (archive/messages/report.ts). */
export type SenderMessage =
  /** Transfers a part to the thread. */
  | { readonly kind: 'add'; readonly part: number; readonly pieces: readonly Uint8Array[] }
  /** Sends the part. The answer is a RequestAnswer. */
  | { readonly kind: 'send'; readonly id: number; readonly part: number; readonly ticket: RequestTicket }
  /** Computes the MD5 of the part. The answer is the MD5 in base64. */
  | { readonly kind: 'digest'; readonly id: number; readonly part: number }
  /** Cancels a request, which is still answered. */
  | { readonly kind: 'cancel'; readonly id: number }
  /** Frees the memory of the part. */
  | { readonly kind: 'release'; readonly part: number };

/**
 * Serves the main thread at the other end of `port`: keeps parts, and sends each by the requests that the main thread has signed,
 * over connections of this thread.
 */
export function servePartSender(port: MessagePort, settings: ConnectionSettings): void {
  const transport = new Transport(settings, systemClock);
  const parts = new Map<number, readonly Uint8Array[]>();
  const running = new Map<number, AbortController>();
  const post = (report: Report<RequestAnswer | string>) => port.postMessage(report);

  const send = async (id: number, part: number, { request, limits }: RequestTicket) => {
    const stop = new AbortController();
    running.set(id, stop);
    const sent = collectBytes(bytes => post({ id, bytes }), REPORT_BYTES);
    const body = bodyOf(parts.get(part)!, sent.add);
    const answer = await answerOf(transport.send({ ...request, body }, { ...limits, signal: stop.signal }));
    running.delete(id);
    post({ id, bytes: sent.end(), end: { answer } });
  };

  port.on('message', (message: SenderMessage) => {
    switch (message.kind) {
      case 'add':
        parts.set(message.part, message.pieces);
        break;
      case 'send':
        void send(message.id, message.part, message.ticket);
        break;
      case 'digest':
        post({ id: message.id, end: { answer: md5Of(parts.get(message.part)!, 'base64') } });
        break;
      case 'cancel':
        running.get(message.id)?.abort(new Error('the request was cancelled'));
        break;
      case 'release':
        for (const piece of parts.get(message.part)!) (piece.buffer as ArrayBuffer).transfer(0);
        parts.delete(message.part);
    }
  });
}
