import type { Fetcher } from '../../../archive/messages/fetch.ts';
import { systemClock } from '../../../retry/clock.ts';
import type { ConnectionSettings } from './agents.ts';
import { readInto } from './body.ts';
import { answerOf, type RequestTicket } from './request-ticket.ts';
import { Transport } from './transport.ts';

/**
 * Creates the fetcher of a worker. It sends a request that the main thread has signed, over connections of the worker, and returns
 * the response unchecked.
 */
export function createRangeFetcher(settings: ConnectionSettings): Fetcher {
  const transport = new Transport(settings, systemClock);
  return (ticket, target, onBytes) => {
    const { request, limits } = ticket as RequestTicket;
    return answerOf(transport.send(request, limits), body => readInto(target, body, onBytes));
  };
}
