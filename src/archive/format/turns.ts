import { setImmediate } from 'node:timers/promises';

/** Entries between two turns: some 20 ms of work. */
export const ENTRIES_A_TURN = 8192;

/** Calls `action` on each item, with turns in between. Throws the reason of an aborted `signal`. */
export async function forEachInTurns<T>(
  items: readonly T[],
  signal: AbortSignal | undefined,
  action: (item: T, index: number) => void,
): Promise<void> {
  for (let index = 0; index < items.length; index++) {
    action(items[index]!, index);
    if (index % ENTRIES_A_TURN === ENTRIES_A_TURN - 1) await takeTurn(signal);
  }
}

/**
 * Gives the event loop a turn, in which requests proceed and signals are delivered, once in `ENTRIES_A_TURN` calls of a loop
 * over entries. Throws the reason of an aborted `signal`.
 */
export async function takeTurn(signal: AbortSignal | undefined): Promise<void> {
  await setImmediate();
  signal?.throwIfAborted();
}
