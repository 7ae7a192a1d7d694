import type { Fetcher } from '../../../archive/messages/fetch.ts';
import { systemClock } from '../../../retry/clock.ts';
import type { ConnectionSettings } from './agents.ts';
import { MAX_BODY_BYTES, readInto, readWhole } from './body.ts';
import { encodeError, type RequestAnswer, type RequestTicket, type ResponseHead } from './request-ticket.ts';
import { Transport } from './transport.ts';

/**
 * Returns the fetcher of a worker: sends a request that the main thread has signed, over connections of its own, and returns
 * the response as it is. Whether it is the right one, and what follows from a failure, is for the main thread to decide.
 */
export function createRangeFetcher(settings: ConnectionSettings): Fetcher {
  const transport = new Transport(settings, systemClock);
  return async (ticket, target, onBytes): Promise<RequestAnswer> => {
    const { request, limits } = ticket as RequestTicket;
    let head: ResponseHead | undefined;
    try {
      const { body, ...rest } = await transport.send(request, limits);
      head = rest;
      if (head.status < 200 || head.status >= 300)
        return { head, body: await readWhole(body, MAX_BODY_BYTES) };
      await readInto(target, body, onBytes);
      return { head };
    } catch (error) {
      return { head, failure: encodeError(error) };
    }
  };
}
