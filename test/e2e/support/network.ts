import { once } from 'node:events';
import { createServer } from 'node:net';
import { type FaultProxy, startFaultProxy } from '../../support/fault-proxy.ts';
import { gateway } from '../../support/gateway.ts';

/** The shared gateway behind a proxy that counts: `await using` closes it. */
export interface CountingProxy extends FaultProxy, AsyncDisposable {
  /** The names of S3's operations in the order in which they arrived. */
  readonly operations: readonly string[];
  /** `host:port` */
  readonly host: string;
}

export async function startCountingProxy(): Promise<CountingProxy> {
  const proxy = await startFaultProxy(gateway().endpoint);
  return {
    get endpoint() {
      return proxy.endpoint;
    },
    get requests() {
      return proxy.requests;
    },
    get rule() {
      return proxy.rule;
    },
    set rule(rule) {
      proxy.rule = rule;
    },
    get operations() {
      return proxy.requests.map(({ operation }) => operation);
    },
    get host() {
      return new URL(proxy.endpoint).host;
    },
    close: () => proxy.close(),
    [Symbol.asyncDispose]: () => proxy.close(),
  };
}

/** Long beside what lies between two requests that do not wait for each other's answers, on a busy machine, too. */
const QUIET_MS = 800;

/**
 * Forwards requests in rounds: each waits until no other has come for a while, and all go on together. So a request of the
 * second round is one that waited for an answer of the first. Fills `rounds` with the operations of each.
 */
export function inRounds(proxy: FaultProxy): readonly (readonly string[])[] {
  const rounds: string[][] = [];
  let quiet: NodeJS.Timeout | undefined;
  let round = Promise.withResolvers<void>();
  proxy.rule = ({ operation }) => {
    if (!quiet) rounds.push([]);
    rounds.at(-1)?.push(operation);
    clearTimeout(quiet);
    const { promise } = round;
    quiet = setTimeout(() => {
      quiet = undefined;
      round.resolve();
      round = Promise.withResolvers<void>();
    }, QUIET_MS);
    return { kind: 'hold', until: promise };
  };
  return rounds;
}

/** An endpoint of this machine at which nobody listens. */
export async function closedEndpoint(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return `http://127.0.0.1:${port}`;
}
