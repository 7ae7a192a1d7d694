import type { Log } from '../../../report/log.ts';
import type { Clock } from '../../../retry/clock.ts';
import { retry } from '../../../retry/retry.ts';
import { unlessAborted } from '../../../retry/signals.ts';
import type { WaitedTime } from '../../../retry/stall-limit.ts';
import { type TimeLimitFigures, TimeLimits } from '../../../retry/time-limits.ts';
import { NoCredentialsError, StoreUnavailableError } from '../../store-errors.ts';
import { httpStatus, isRetryable, summaryOf } from '../errors/classify.ts';
import { fromS3Error } from '../errors/s3-errors.ts';
import type { S3Settings } from '../s3-settings.ts';
import type { ConnectionSettings } from '../transport/agents.ts';
import { ProtocolError } from '../transport/protocol-error.ts';
import { Attempts } from './attempts.ts';
import type { Attempt, CallSpec, S3Command } from './call.ts';
import { CallLimits } from './call-limits.ts';
import { Capabilities } from './capabilities.ts';
import { checkAddress } from './check-address.ts';
import { type Connection, type ConnectionOptions, connect } from './client.ts';
import { RepeatedRequests } from './repeated-request.ts';
import type { ServiceInputTypes, ServiceOutputTypes } from './sdk.ts';
import { UnsignedReads } from './unsigned-reads.ts';

export interface CallerOptions extends ConnectionOptions {
  readonly log: Log;
  readonly timeLimits: TimeLimitFigures;
  /** The bucket was down in an earlier step: each call gets one attempt until one has succeeded. */
  readonly bucketWasDown: boolean;
  /** The time for which the calls have waited. */
  readonly waited: WaitedTime;
}

/**
 * Makes calls with retries, time limits, circuit breaker, counters and debug log. One per store, and so one for the restore or
 * save of a step: its calls share the time for which they may wait. Opens no connection before the first call.
 */
export class Caller {
  readonly settings: S3Settings;
  readonly log: Log;
  readonly clock: Clock;
  readonly capabilities = new Capabilities();
  readonly repeated = new RepeatedRequests();
  readonly counters = { requests: 0, retries: 0 };
  readonly #options: CallerOptions;
  readonly #limits: TimeLimits;
  readonly #attempts: Attempts;
  readonly #unsigned: UnsignedReads;
  /** Whether a failure is final: the bucket was down before, and no call has succeeded since. */
  #bucketWasDown: boolean;
  /** Whether a call has succeeded. */
  #accepted = false;
  /** The failure for which the endpoint was given up. No call is sent any more, except one short call that cleans up. */
  #givenUp: Error | undefined;
  #lastCallLeft = true;
  #connection: Connection | undefined;
  #addressCheck: Promise<void> | undefined;

  constructor(settings: S3Settings, options: CallerOptions) {
    const { log, clock, timeLimits, bucketWasDown } = options;
    this.settings = settings;
    this.log = log;
    this.clock = clock;
    this.#options = options;
    this.#limits = new TimeLimits(clock, timeLimits);
    this.#attempts = new Attempts(log, clock, this.counters, timeLimits.serverWorkMs);
    this.#unsigned = new UnsignedReads(log);
    this.#bucketWasDown = bucketWasDown;
  }

  /** The server's clock in ms since 1970, by its latest response. Before the first it is the runner's. */
  get serverTimeMs(): number {
    return this.#connection?.handler.serverTimeMs ?? Date.now();
  }

  /** The earlier of the server's time and the runner's, in ms since 1970. */
  get earlierTimeMs(): number {
    return Math.min(this.serverTimeMs, Date.now());
  }

  /** The later of the two, in ms since 1970. */
  get laterTimeMs(): number {
    return Math.max(this.serverTimeMs, Date.now());
  }

  /** How to connect to the endpoint, for other threads. Throws as a call does for settings that cannot be used. */
  get connectionSettings(): ConnectionSettings {
    return this.#connect().settings;
  }

  /** Whether the endpoint has responded yet. Until then all calls together have seconds. */
  get hasResponded(): boolean {
    return this.#limits.hasResponded;
  }

  /** Forgets how long the calls so far have waited: an operation of many calls, of any number, has come closer to its end. */
  forgetWaits(): void {
    this.#options.waited.clear();
  }

  /**
   * Makes a call. Any call may be sent again after the server has executed it, when only the response was lost: the comments
   * "May be repeated" explain why that does no harm to a write. Rejects with the signal's reason or with an error of the store
   * contract; those that `attempt` throws pass unchanged. A call that ends without a response opens the circuit.
   */
  async run<T>(spec: CallSpec, attempt: Attempt<T>): Promise<T> {
    this.#addressCheck ??= checkAddress(this.settings, (...call) => this.#runSignedIfPossible(...call));
    await this.#addressCheck;
    return this.#runSignedIfPossible(spec, attempt);
  }

  /** Makes a call that is one command. Rejects as `run` does. */
  send<I extends ServiceInputTypes, O extends ServiceOutputTypes>(
    spec: CallSpec,
    command: S3Command<I, O>,
  ): Promise<O> {
    return this.run(spec, (client, options) => client.send(command, options));
  }

  /** Makes a call, signed. Without any credentials a read is sent without a signature, which a public bucket accepts. */
  async #runSignedIfPossible<T>(spec: CallSpec, attempt: Attempt<T>): Promise<T> {
    try {
      return await this.#runWithRetries(spec, attempt);
    } catch (error) {
      if (!(error instanceof NoCredentialsError)) throw error;
      return await this.#unsigned.run(error, spec.operation, isAllowed =>
        this.#runWithRetries(spec, attempt, { isAllowed }),
      );
    }
  }

  /** Makes the attempts of a call. `unsigned.isAllowed` is false for the first read of a run without credentials. */
  async #runWithRetries<T>(
    spec: CallSpec,
    attempt: Attempt<T>,
    unsigned?: { readonly isAllowed: boolean },
  ): Promise<T> {
    const isLast = spec.lastCallMs !== undefined && this.#takeLastCall();
    if (!isLast) this.#refuseIfGivenUp(spec);
    const { waited } = this.#options;
    const limits = new CallLimits(spec, isLast, { limits: this.#limits, clock: this.clock, waited });
    if (!unsigned) await this.#signIn(limits);
    const options = limits.begin();
    const signal = options.abortSignal as AbortSignal | undefined;
    const once = () =>
      this.#attempts.make(spec, {
        limits,
        signal,
        // Another call may have given the endpoint up while this one waited
        check: () => isLast || this.#refuseIfGivenUp(spec),
        send: (onResponse, progress) => {
          const connection = this.#connect();
          const client = unsigned ? connection.unsignedClient : connection.client;
          return attempt(client, { ...options, onResponse }, progress);
        },
      });
    let earlier: Error | undefined;
    try {
      const result = await retry(once, {
        attempts: spec.optional || unsigned?.isAllowed === false ? 1 : this.settings.attempts,
        clock: this.clock,
        // A gateway that was too busy for the parts may still be for the call that cleans up behind them
        isRetryable: error =>
          isRetryable(error) && (isLast ? httpStatus(error) !== undefined : !this.#bucketWasDown),
        signal,
        madeProgress: spec.madeProgress,
        onRetry: (error, number, waitMs) => {
          earlier = error;
          this.counters.retries++;
          this.log.debug(
            `s3 ${spec.operation} failed (${summaryOf(error)}): attempt ${number + 1} in ${waitMs} ms`,
          );
        },
      });
      this.#bucketWasDown = false;
      this.#accepted = true;
      return result;
    } catch (error) {
      if (spec.signal?.aborted) throw spec.signal.reason;
      // The failure of an attempt is more precise than the limit of all attempts
      throw this.#failed(spec, limits.isStalled ? (earlier ?? error) : error);
    } finally {
      limits.clear();
    }
  }

  /** Obtains the credentials before the endpoint's time begins: an STS that is silent does not make the bucket late. */
  async #signIn(limits: CallLimits): Promise<void> {
    const begin = this.clock.now();
    try {
      await unlessAborted(this.#connect().signIn(), limits.signal);
    } catch (error) {
      limits.clear();
      throw error;
    } finally {
      this.#options.waited.add(begin, this.clock.now());
    }
  }

  /** Converts a failure, and opens the circuit where the endpoint did not respond as an S3 server does. */
  #failed(spec: CallSpec, error: unknown): Error {
    const identity = { ...this.#connection?.identity(), accepted: this.#accepted };
    const failure = fromS3Error(error, spec.operation, this.settings, identity);
    const unanswered = isRetryable(error) || error instanceof ProtocolError;
    const matters = !spec.optional && !spec.replaceable;
    if (unanswered && failure instanceof StoreUnavailableError && matters) this.#givenUp ??= failure;
    return failure;
  }

  #refuseIfGivenUp({ operation }: CallSpec): void {
    const cause = this.#givenUp;
    if (cause) throw new StoreUnavailableError(`${cause.message}; ${operation} was not sent`, { cause });
  }

  /** Returns true once after the endpoint was given up. */
  #takeLastCall(): boolean {
    const isGranted = this.#givenUp !== undefined && this.#lastCallLeft;
    if (isGranted) this.#lastCallLeft = false;
    return isGranted;
  }

  #connect(): Connection {
    this.#connection ??= connect(this.settings, this.#limits, this.#options);
    return this.#connection;
  }

  close(): void {
    this.#limits.close();
    this.#connection?.client.destroy();
  }
}
