import type { Log } from '../../../report/log.ts';
import { type NoCredentialsError, StoreRefusedError } from '../../store-errors.ts';
import { isStatus } from '../errors/s3-errors.ts';

/** Reads of a run without any credentials, such as a pull request from a fork. The first one shows whether they are allowed. */
export class UnsignedReads {
  readonly #log: Log;
  /** Whether the first read was allowed. */
  #first: Promise<boolean> | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  /**
   * Sends a read without a signature, the first one alone.
   * @param reason the error of every read once one is refused.
   * @param send sends the read; `isAllowed` is false for the first one.
   */
  async run<T>(reason: NoCredentialsError, send: (isAllowed: boolean) => Promise<T>): Promise<T> {
    const isFirst = this.#first === undefined;
    const decision = Promise.withResolvers<boolean>();
    this.#first ??= decision.promise;
    if (!isFirst && !(await this.#first)) throw reason;
    try {
      const result = await send(!isFirst);
      if (isFirst) this.#log.info('There are no credentials, but the bucket can be read without.');
      decision.resolve(true);
      return result;
    } catch (error) {
      const isRefused = isRefusal(error);
      decision.resolve(!isRefused);
      throw isRefused ? reason : error;
    }
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof StoreRefusedError && (isStatus(error.cause, 401) || isStatus(error.cause, 403));
}
