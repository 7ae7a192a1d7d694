import type { HttpHandlerOptions } from '@smithy/types';
import type { Log } from '../../../report/log.ts';
import { Circuit } from '../../../retry/circuit.ts';
import type { Clock } from '../../../retry/clock.ts';
import { retry } from '../../../retry/retry.ts';
import { anySignal, deadline } from '../../../retry/signals.ts';
import type { TimeLimits } from '../../../retry/time-limits.ts';
import { StoreUnavailableError } from '../../store-errors.ts';
import type { S3Settings } from '../s3-settings.ts';
import { errorCode, httpStatus, isRetryable } from './classify.ts';
import { type Connection, connect } from './client.ts';
import { ConcurrencyLimiter } from './concurrency-limiter.ts';
import { toStoreError } from './s3-errors.ts';
import type { S3Client } from './sdk.ts';
import type { SdkHandlerOptions } from './sdk-request-handler.ts';

/** How one call to S3 is made. */
export interface CallSpec {
  /** S3's name of the operation. */
  readonly operation: string;
  /** What it is about (object, range, part), for the debug log. */
  readonly about: string;
  readonly signal?: AbortSignal | undefined;
  /** The server may work on this in silence: one limit for all attempts, none for silence. */
  readonly serverWork?: boolean;
  readonly madeProgress?: () => boolean;
  /** Moves an object's bytes, beside others that do: each attempt waits for its turn (concurrency-limiter.ts). */
  readonly transfer?: boolean;
  /** The caller can do without: one attempt, and its failure does not open the circuit. */
  readonly optional?: boolean;
  /** Clean-up behind an endpoint that was given up: allowed once, for this many ms, and repeated while it is answered. */
  readonly lastCallMs?: number;
}

/** One attempt: sends through `client.send(command, options)`, reads what has to be read. */
export type Attempt<T> = (client: S3Client, options: HttpHandlerOptions) => Promise<T>;

export interface CallerOptions {
  readonly clock: Clock;
  readonly userAgent: string;
  readonly limits: TimeLimits;
  /** The bucket was down when this job last called it: one attempt for each call until one succeeds. */
  readonly bucketWasDown: boolean;
}

/** Makes calls: retries, time limits, circuit, counters and the debug log around each. One per store. */
export class Caller {
  readonly settings: S3Settings;
  readonly log: Log;
  readonly clock: Clock;
  readonly circuit = new Circuit();
  readonly counters = { requests: 0, retries: 0 };
  readonly #limits: TimeLimits;
  readonly #userAgent: string;
  readonly #limiter = new ConcurrencyLimiter();
  /** A failure is final: nobody knows yet that the endpoint is back. */
  #bucketWasDown: boolean;
  #connection: Connection | undefined;

  constructor(settings: S3Settings, log: Log, { clock, userAgent, limits, bucketWasDown }: CallerOptions) {
    this.settings = settings;
    this.log = log;
    this.clock = clock;
    this.#userAgent = userAgent;
    this.#limits = limits;
    this.#bucketWasDown = bucketWasDown;
  }

  /** The server's clock in ms since 1970, by its latest answer; the runner's before the first. */
  get serverTimeMs(): number {
    return this.#connection?.handler.serverTimeMs ?? Date.now();
  }

  /** Whether the endpoint has answered anything yet. Until then all calls together have seconds. */
  get answered(): boolean {
    return this.#limits.hasAnswered;
  }

  /**
   * Rejects with the signal's reason, or with an error of the store's contract; what `attempt` throws of that contract
   * passes unchanged. A call that ends for want of an answer opens the circuit.
   */
  async run<T>(spec: CallSpec, attempt: Attempt<T>): Promise<T> {
    const last = spec.lastCallMs !== undefined && this.circuit.takeLastCall();
    if (!last) this.#refuseWhenOpen(spec);
    const { serverWorkMs } = this.#limits.figures;
    const total = last ? spec.lastCallMs : spec.serverWork ? serverWorkMs : undefined;
    const limit = total === undefined ? undefined : deadline(total, this.clock);
    const signal = anySignal(spec.signal, this.#limits.callBegins(), limit?.signal);
    const options: HttpHandlerOptions = {
      ...(signal && { abortSignal: signal }),
      ...(spec.serverWork && { requestTimeout: serverWorkMs }),
    };
    try {
      const once = () => this.#attempt(spec, attempt, options, last);
      const paced = () => this.#limiter.run(once, signal);
      const answer = await retry(spec.transfer ? paced : once, {
        attempts: spec.optional ? 1 : this.settings.attempts,
        clock: this.clock,
        // A gateway that was too busy for the parts may still be for the call that cleans up behind them
        isRetryable: error =>
          isRetryable(error) && (last ? httpStatus(error) !== undefined : !this.#bucketWasDown),
        signal,
        madeProgress: spec.madeProgress,
        onRetry: (error, number, waitMs) => {
          this.counters.retries++;
          this.log.debug(
            `s3 ${spec.operation} failed (${shortly(error)}): attempt ${number + 1} in ${waitMs} ms`,
          );
        },
      });
      this.#bucketWasDown = false;
      return answer;
    } catch (error) {
      if (spec.signal?.aborted) throw spec.signal.reason;
      const failure = toStoreError(error, spec.operation, this.settings);
      const unanswered = isRetryable(error) && failure instanceof StoreUnavailableError;
      if (unanswered && !spec.optional) this.circuit.open(failure);
      throw failure;
    } finally {
      limit?.clear();
    }
  }

  #refuseWhenOpen(spec: CallSpec): void {
    const { cause } = this.circuit;
    if (cause) throw new StoreUnavailableError(`${cause.message}; ${spec.operation} not tried`, { cause });
  }

  async #attempt<T>(
    spec: CallSpec,
    attempt: Attempt<T>,
    options: HttpHandlerOptions,
    last: boolean,
  ): Promise<T> {
    // Another call may have given the endpoint up while this one waited for its next attempt.
    if (!last) this.#refuseWhenOpen(spec);
    this.#connection ??= connect(this.settings, this.#limits, this.clock, this.#userAgent);
    this.counters.requests++;
    const begin = this.clock.now();
    let result = 'no answer';
    const watched: SdkHandlerOptions = {
      ...options,
      onStatus: status => {
        result = String(status);
      },
    };
    try {
      return await attempt(this.#connection.client, watched);
    } catch (error) {
      result = shortly(error);
      throw error;
    } finally {
      this.log.debug(
        `s3 ${spec.operation} ${spec.about}: ${result}, ${Math.round(this.clock.now() - begin)} ms`,
      );
    }
  }

  close(): void {
    this.#limits.close();
    this.#connection?.client.destroy();
    this.#connection?.handler.destroy();
  }
}

/** Status and code of a failure, for the debug log; an error of ours in full. */
function shortly(error: unknown): string {
  const parts = [httpStatus(error), errorCode(error)].filter(part => part !== undefined);
  return parts.length > 0 ? parts.join(' ') : `${(error as Error).name}: ${(error as Error).message}`;
}
