import { setImmediate } from 'node:timers/promises';

/** Longest work in ms between two turns of the event loop. A number of items is no limit: one takes long on a slow disk. */
const TURN_MS = 10;
/** Items between two readings of the clock. */
const ITEMS_A_CHECK = 4;

/** Decides in a loop when the event loop gets a turn: `if (turns.isDue()) await turns.take()`. */
export class Turns {
  readonly #signal: AbortSignal | undefined;
  #items = 0;
  #endsMs = performance.now() + TURN_MS;

  constructor(signal?: AbortSignal) {
    this.#signal = signal;
  }

  /** Counts an item. Returns whether it is time for a turn. */
  isDue(): boolean {
    return ++this.#items % ITEMS_A_CHECK === 0 && performance.now() >= this.#endsMs;
  }

  /** Gives the event loop a turn. Throws the reason of an aborted signal. */
  async take(): Promise<void> {
    await takeTurn(this.#signal);
    this.#endsMs = performance.now() + TURN_MS;
  }
}

/** Calls `action` on one item after the other, with turns in between. Throws the reason of an aborted `signal`. */
export async function forEachInTurns<T>(
  items: readonly T[],
  signal: AbortSignal | undefined,
  action: (item: T, index: number) => void | Promise<void>,
): Promise<void> {
  const turns = new Turns(signal);
  for (let index = 0; index < items.length; index++) {
    const pending = action(items[index]!, index);
    if (pending !== undefined) await pending;
    if (turns.isDue()) await turns.take();
  }
  signal?.throwIfAborted();
}

/** Gives the event loop a turn, in which requests proceed and signals are delivered. Throws the reason of an aborted `signal`. */
export async function takeTurn(signal: AbortSignal | undefined): Promise<void> {
  await setImmediate();
  signal?.throwIfAborted();
}
