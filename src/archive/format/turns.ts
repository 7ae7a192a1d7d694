import { setImmediate } from 'node:timers/promises';

/** Entries between two turns: some 20 ms of work. */
export const ENTRIES_A_TURN = 8192;

/**
 * Gives the event loop a turn, in which requests proceed and signals are delivered, once in `ENTRIES_A_TURN` calls of a loop
 * over entries. Throws the reason of an aborted `signal`.
 */
export async function takeTurn(signal: AbortSignal | undefined): Promise<void> {
  await setImmediate();
  signal?.throwIfAborted();
}
