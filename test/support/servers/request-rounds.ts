import type { FaultProxy } from './fault-proxy.ts';

/** Longer than the time between two requests that do not wait for each other's responses, also on a busy machine. */
const QUIET_MS = 800;

/**
 * Makes a proxy hold each request until no other has come for a while, and then forwards all of them: a request of the
 * second round is one that waited for a response of the first. Fills `rounds` with the operations of each.
 */
export function forwardInRounds(proxy: FaultProxy): readonly (readonly string[])[] {
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
