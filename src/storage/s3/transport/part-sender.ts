import type { MessagePort } from 'node:worker_threads';
import { systemClock } from '../../../retry/clock.ts';
import type { ConnectionSettings } from './agents.ts';
import { MAX_BODY_BYTES, readWhole } from './body.ts';
import { encodeError, type RequestAnswer, type RequestTicket, type ResponseHead } from './request-ticket.ts';
import type { SenderMessage, SenderReport } from './sender-messages.ts';
import { bodyOf, md5Of } from './sent-body.ts';
import { Transport } from './transport.ts';

/** Bytes that were sent are reported within this many ms, and as soon as there are this many: a save's level depends on them. */
const REPORT_MS = 200;
const REPORT_BYTES = 1024 * 1024;

/**
 * Serves the main thread at the other end of `port`: holds parts, and sends each with the requests that the main thread has
 * signed, over connections of this thread. Whether a response is the right one is for the main thread to decide.
 */
export function servePartSender(port: MessagePort, settings: ConnectionSettings): void {
  const transport = new Transport(settings, systemClock);
  const parts = new Map<number, readonly Uint8Array[]>();
  const running = new Map<number, AbortController>();
  const post = (report: SenderReport) => port.postMessage(report);

  const send = async (request: number, part: number, ticket: RequestTicket) => {
    const stop = new AbortController();
    running.set(request, stop);
    const progress = reportingProgress(bytes => post({ request, bytes }));
    const answer = await exchange(transport, parts.get(part)!, ticket, progress.add, stop.signal);
    running.delete(request);
    post({ request, bytes: progress.end(), answer });
  };

  port.on('message', (message: SenderMessage) => {
    switch (message.kind) {
      case 'hold':
        parts.set(message.part, message.pieces);
        break;
      case 'send':
        void send(message.request, message.part, message.ticket);
        break;
      case 'digest':
        post({ request: message.request, bytes: 0, answer: md5Of(parts.get(message.part)!, 'base64') });
        break;
      case 'cancel':
        running.get(message.request)?.abort(new Error('the request was cancelled'));
        break;
      case 'release':
        for (const piece of parts.get(message.part)!) (piece.buffer as ArrayBuffer).transfer(0);
        parts.delete(message.part);
    }
  });
}

async function exchange(
  transport: Transport,
  pieces: readonly Uint8Array[],
  { request, limits }: RequestTicket,
  onSent: (bytes: number) => void,
  signal: AbortSignal,
): Promise<RequestAnswer> {
  let head: ResponseHead | undefined;
  try {
    const { body, ...rest } = await transport.send(
      { ...request, body: bodyOf(pieces, onSent) },
      { ...limits, signal },
    );
    head = rest;
    return { head, body: await readWhole(body, MAX_BODY_BYTES) };
  } catch (error) {
    return { head, failure: encodeError(error) };
  }
}

/** Calls `report` with the bytes added since the last call, soon after they were added. `end` returns the rest. */
function reportingProgress(report: (bytes: number) => void) {
  let unreported = 0;
  let due: NodeJS.Timeout | undefined;
  const take = () => {
    due = undefined;
    const bytes = unreported;
    unreported = 0;
    return bytes;
  };
  return {
    add(bytes: number) {
      unreported += bytes;
      if (unreported < REPORT_BYTES) {
        due ??= setTimeout(() => report(take()), REPORT_MS);
        return;
      }
      clearTimeout(due);
      report(take());
    },
    end() {
      clearTimeout(due);
      return take();
    },
  };
}
