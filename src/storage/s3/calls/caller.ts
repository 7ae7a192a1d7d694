import type { Readable } from 'node:stream';
import type { Log } from '../../../report/log.ts';
import type { Clock } from '../../../retry/clock.ts';
import { retryAfterMs } from '../../../retry/pace.ts';
import { createRetryWaits, retry } from '../../../retry/retry-waits.ts';
import type { WaitedTime } from '../../../retry/stall-limit.ts';
import { type TimeLimitFigures, TimeLimits } from '../../../retry/time-limits.ts';
import { NoCredentialsError, StoreUnavailableError } from '../../store-errors.ts';
import { isSkewed } from '../errors/refusals.ts';
import { ResponseError } from '../errors/response-error.ts';
import { classify, type Failure, fromS3Error } from '../errors/s3-errors.ts';
import type { S3Settings } from '../s3-settings.ts';
import type { ConnectionSettings } from '../transport/agents.ts';
import { ProtocolError } from '../transport/protocol-error.ts';
import type { TransportResponse } from '../transport/transport.ts';
import { createAttemptTurns } from './attempt-turns.ts';
import type { Attempt, CallProgress, CallSpec, S3Command } from './call.ts';
import { type CallLimits, createCallLimits } from './call-limits.ts';
import { Capabilities } from './capabilities.ts';
import { checkAddress } from './check-address.ts';
import { Circuit } from './circuit.ts';
import { type Connection, type ConnectionOptions, createConnection } from './client.ts';
import { createRepeatedSigner } from './repeated-request.ts';
import type { ServiceInputTypes, ServiceOutputTypes } from './sdk.ts';
import type { SdkHandlerOptions, SdkRequestHandler } from './sdk-request-handler.ts';
import { createUnsignedReads } from './unsigned-reads.ts';

/** Options of a Caller that are no settings of the bucket. */
export interface CallerOptions extends ConnectionOptions {
  readonly timeLimits: TimeLimitFigures;
  /** Whether the bucket was down in an earlier step: each call gets one attempt until one has succeeded. */
  readonly bucketWasDown: boolean;
  /** The time for which the calls have waited together. */
  readonly waited: WaitedTime;
}

/** Sends one attempt by the client that the call uses. */
type AttemptSender<T> = (options: SdkHandlerOptions, progress: CallProgress) => Promise<T>;

/**
 * Makes calls with retries, time limits, circuit breaker, counters and debug log. Each restore or save of a step has a store with
 * one caller, whose calls share the time for which they may wait. Opens no connection before the first call.
 */
export class Caller {
  readonly settings: S3Settings;
  readonly log: Log;
  readonly clock: Clock;
  readonly capabilities = new Capabilities();
  readonly signRepeated = createRepeatedSigner();
  readonly counters = { requests: 0, retries: 0 };
  readonly #options: CallerOptions;
  readonly #limits: TimeLimits;
  readonly #awaitTurn: ReturnType<typeof createAttemptTurns>;
  readonly #circuit = new Circuit();
  readonly #unsigned: ReturnType<typeof createUnsignedReads>;
  /** Whether a call has succeeded. */
  #hasSucceeded = false;
  #connection: Connection | undefined;
  #addressCheck: Promise<void> | undefined;

  constructor(settings: S3Settings, options: CallerOptions) {
    const { log, clock, timeLimits } = options;
    this.settings = settings;
    this.log = log;
    this.clock = clock;
    this.#options = options;
    this.#limits = new TimeLimits(clock, timeLimits);
    this.#awaitTurn = createAttemptTurns(clock, timeLimits.serverWorkMs);
    this.#unsigned = createUnsignedReads(log);
  }

  /** The server's clock in ms since 1970, by its latest response. Before the first it is the runner's. */
  get serverTimeMs(): number {
    return this.#connection?.handler.serverTimeMs ?? Date.now();
  }

  /** The earlier of the server's clock and the runner's, in ms since 1970. */
  get nowMs(): number {
    return Math.min(this.serverTimeMs, Date.now());
  }

  /** The later of these two clocks, in ms since 1970. */
  get laterNowMs(): number {
    return Math.max(this.serverTimeMs, Date.now());
  }

  /** Settings by which other threads connect to the endpoint. Throws as a call does for settings that cannot be used. */
  get connectionSettings(): ConnectionSettings {
    return this.#connect().settings;
  }

  /** Whether the endpoint has responded in this process. Until then all calls share one short limit. */
  get hasResponded(): boolean {
    return this.#limits.hasResponded;
  }

  /** Forgets how long the calls so far have waited. Used by operations of any number of calls, after each that makes progress. */
  forgetWaits(): void {
    this.#options.waited.clear();
  }

  /**
   * Makes a call. Any call may be sent again after the server has executed it, when only the response was lost. The comments "May
   * be repeated" explain why that does no harm to a write. Rejects with the signal's reason or with an error of the store
   * contract. Errors of the contract that `attempt` throws pass unchanged. A call that ends without a response opens the circuit.
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

  /** Sends a signed request. Call it in an attempt. Rejects as the handler does. */
  exchange(...request: Parameters<SdkRequestHandler['exchange']>): ReturnType<SdkRequestHandler['exchange']> {
    return this.#connect().handler.exchange(...request);
  }

  /** Makes a signed call. If there are no credentials, sends a read without a signature, which a public bucket accepts. */
  async #runSignedIfPossible<T>(spec: CallSpec, attempt: Attempt<T>): Promise<T> {
    try {
      return await this.#runWithRetries(spec, attempt);
    } catch (error) {
      if (!(error instanceof NoCredentialsError)) throw error;
      return await this.#unsigned(error, spec.operation, isAllowed =>
        this.#runWithRetries(spec, attempt, { isAllowed }),
      );
    }
  }

  /** Makes the attempts of a call. A read without credentials has `unsigned`, with `isAllowed: false` for the first such read. */
  async #runWithRetries<T>(
    spec: CallSpec,
    attempt: Attempt<T>,
    unsigned?: { readonly isAllowed: boolean },
  ): Promise<T> {
    const isLast = spec.lastCallMs !== undefined && this.#circuit.takeLastCall();
    if (!isLast) this.#circuit.check();
    const { waited, bucketWasDown } = this.#options;
    const limits = createCallLimits(spec, isLast, this.#limits, this.clock, waited);
    const connection = this.#connect();
    // Signs in before the endpoint's time limit starts, so that a slow STS does not use it up
    if (!unsigned) await limits.waitFor(connection.signIn());
    const options = limits.begin();
    const client = unsigned ? connection.unsignedClient : connection.client;
    const send: AttemptSender<T> = (...sent) => attempt(client, ...sent);
    const waits = createRetryWaits(
      spec.optional || unsigned?.isAllowed === false ? 1 : this.settings.attempts,
    );
    let attemptNumber = 1;
    /** The latest failure after which another attempt followed. */
    let lastRetried: Failure | undefined;
    const waitAfter = (error: unknown) => {
      const failure = classify(error);
      // A gateway that was too busy for the parts may also be too busy for the call that removes them
      const mayRetry = isLast ? failure.status !== undefined : this.#hasSucceeded || !bucketWasDown;
      const waitMs = mayRetry && failure.isRetryable ? waits(spec.madeProgress?.()) : undefined;
      if (waitMs === undefined) return undefined;
      lastRetried = failure;
      this.counters.retries++;
      this.log.debug(
        `s3 ${spec.operation} failed (${failure.summary}): attempt ${++attemptNumber} in ${waitMs} ms`,
      );
      return waitMs;
    };
    try {
      const result = await retry(() => this.#attempt(spec, limits, options, send), {
        waitAfter,
        clock: this.clock,
        signal: options.abortSignal,
      });
      this.#hasSucceeded = true;
      return result;
    } catch (error) {
      if (spec.signal?.aborted) throw spec.signal.reason;
      // The failure of an attempt is more precise than the limit of all attempts
      throw this.#convertFailure(spec, classify(limits.isStalled ? (lastRetried ?? error) : error));
    } finally {
      limits.clear();
    }
  }

  /**
   * Makes one attempt in its turn, with a line in the debug log. After RequestTimeTooSkewed with a `Date`, signs it by the server's
   * clock and sends it once more. Rejects with a Failure.
   */
  async #attempt<T>(
    spec: CallSpec,
    limits: CallLimits,
    options: SdkHandlerOptions,
    send: AttemptSender<T>,
  ): Promise<T> {
    const turn = await this.#awaitTurn(spec, limits, options.abortSignal);
    const begin = this.clock.now();
    let result = 'no response';
    let body: Readable | undefined;
    const sendCounted = () => {
      this.counters.requests++;
      const onResponse = (response: TransportResponse) => {
        result = String(response.status);
        body = response.body;
      };
      return send({ ...options, onResponse }, turn.progress);
    };
    try {
      // Another call may have opened the circuit while this one waited
      if (!limits.isLast) this.#circuit.check();
      const value = await sendCounted().catch(error => {
        const failure = classify(error);
        const serverMs = isSkewed(failure.cause) ? failure.cause.dateMs : undefined;
        if (serverMs === undefined) throw failure;
        this.#connect().signByServerClock(serverMs);
        // Any call may be repeated here, because the server has refused the first request
        return sendCounted();
      });
      turn.end();
      return value;
    } catch (error) {
      const failure = classify(error);
      result = failure.summary;
      // A body that was not read would keep its connection open
      body?.destroy();
      turn.end(failure.kind, requestedWaitMs(failure.cause));
      throw failure;
    } finally {
      const ms = Math.round(this.clock.now() - begin);
      this.log.debug(`s3 ${spec.operation} ${spec.about}: ${result}, ${ms} ms`);
    }
  }

  /** Converts the failure of a call. Opens the circuit if the endpoint did not respond as an S3 server does. */
  #convertFailure(spec: CallSpec, failure: Failure): Error {
    const identity = { ...this.#connection?.identity(), haveWorked: this.#hasSucceeded };
    const error = fromS3Error(failure, spec.operation, this.settings, identity);
    const isDown = failure.isRetryable || failure.cause instanceof ProtocolError;
    const isNeeded = !spec.optional && !spec.hasOtherWay;
    if (isDown && isNeeded && error instanceof StoreUnavailableError) this.#circuit.open(error);
    return error;
  }

  /** Returns the connection, which the first call makes. */
  #connect(): Connection {
    this.#connection ??= createConnection(this.settings, this.#limits, this.#options);
    return this.#connection;
  }

  /** Closes all connections. No call may follow. */
  close(): void {
    this.#limits.close();
    this.#connection?.client.destroy();
  }
}

/** Returns the wait in ms that a refusal requests. A date in `Retry-After` counts by the server's clock. */
function requestedWaitMs(error: unknown): number | undefined {
  if (!(error instanceof ResponseError)) return undefined;
  return retryAfterMs(error.headers['retry-after'], error.dateMs ?? Date.now());
}
