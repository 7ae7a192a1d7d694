import type { Clock } from '../../src/retry/clock.ts';

/** A clock that moves only by `advance`. */
export class FakeClock implements Clock {
  #now = 0;
  readonly #timers = new Set<{ readonly at: number; readonly callback: () => void }>();

  now(): number {
    return this.#now;
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.#now + ms, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** The number of timers that wait. */
  get waiting(): number {
    return this.#timers.size;
  }

  /** Moves on by `ms` milliseconds. Timers fire in order; promises settle after each. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (let next = this.#next(end); next; next = this.#next(end)) {
      this.#timers.delete(next);
      this.#now = next.at;
      next.callback();
      await settle();
    }
    this.#now = end;
  }

  #next(end: number) {
    const due = [...this.#timers].filter(timer => timer.at <= end);
    return due.sort((a, b) => a.at - b.at)[0];
  }
}

function settle(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve));
}
