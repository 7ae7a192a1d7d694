import type { Log } from '../../../report/log.ts';
import { clockDifference } from '../errors/refusals.ts';
import { s3Code } from '../errors/s3-errors.ts';

/** Repeats requests that a server has refused because the runner's clock is off by too much. */
export class ClockCorrection {
  readonly #log: Log;
  #isNoted = false;

  constructor(log: Log) {
    this.#log = log;
  }

  /**
   * Makes an attempt, and once more after RequestTimeTooSkewed: the SDK has then learned the server's clock, and signs by it.
   * May be repeated whatever the call is, because the server has refused the first request.
   */
  async run<T>(attempt: () => Promise<T>, onRepeat: () => void): Promise<T> {
    try {
      return await attempt();
    } catch (error) {
      if (s3Code(error) !== 'RequestTimeTooSkewed') throw error;
      if (!this.#isNoted) {
        const cause = clockDifference(error);
        this.#log.notice(`Requests are signed by the server's clock, because ${cause}. Correct the clock.`);
      }
      this.#isNoted = true;
      onRepeat();
      return attempt();
    }
  }
}
