import type { Readable } from 'node:stream';
import type { Log } from '../../../report/log.ts';
import type { Clock } from '../../../retry/clock.ts';
import { retry } from '../../../retry/retry.ts';
import { unlessAborted } from '../../../retry/signals.ts';
import type { WaitedTime } from '../../../retry/stall-limit.ts';
import type { TimeLimits } from '../../../retry/time-limits.ts';
import { NoCredentialsError, StoreUnavailableError } from '../../store-errors.ts';
import { httpStatus, isRetryable } from '../errors/classify.ts';
import { fromS3Error, summaryOf } from '../errors/s3-errors.ts';
import type { S3Settings } from '../s3-settings.ts';
import type { ConnectionSettings } from '../transport/agents.ts';
import { ProtocolError } from '../transport/protocol-error.ts';
import type { TransportResponse } from '../transport/transport.ts';
import type { Attempt, CallProgress, CallSpec } from './call.ts';
import { CallLimits } from './call-limits.ts';
import { Capabilities } from './capabilities.ts';
import { checkAddress } from './check-address.ts';
import { Circuit } from './circuit.ts';
import type { Connection } from './client.ts';
import { ClockCorrection } from './clock-correction.ts';
import { RepeatedRequests } from './repeated-request.ts';
import { RequestRate } from './request-rate.ts';
import type { SdkHandlerOptions } from './sdk-request-handler.ts';
import { UnsignedReads } from './unsigned-reads.ts';

/** Calls that a public bucket may allow to all. */
const READS: ReadonlySet<string> = new Set(['GetObject', 'HeadObject', 'ListObjectsV2']);

interface CallerOptions {
  readonly clock: Clock;
  readonly limits: TimeLimits;
  /** Called before the first request. Throws `StoreRefusedError` for settings that cannot be used. */
  readonly connect: () => Connection;
  /** The bucket was down when this job last called it: one attempt for each call until one succeeds. */
  readonly bucketWasDown: boolean;
  /** The time for which the calls have waited. */
  readonly waited: WaitedTime;
}

/**
 * Makes calls with retries, time limits, circuit breaker, counters and debug log. One per store, and so one for the restore or
 * save of a step: its calls share the time for which they may wait.
 */
export class Caller {
  readonly settings: S3Settings;
  readonly log: Log;
  readonly clock: Clock;
  readonly capabilities = new Capabilities();
  readonly repeated = new RepeatedRequests();
  readonly counters = { requests: 0, retries: 0 };
  readonly #limits: TimeLimits;
  readonly #open: () => Connection;
  readonly #rate: RequestRate;
  readonly #waited: WaitedTime;
  readonly #unsigned: UnsignedReads;
  /** Whether a failure is final: the bucket was down before, and no call has succeeded since. */
  #bucketWasDown: boolean;
  /** Whether a call has succeeded. */
  #accepted = false;
  readonly #circuit = new Circuit();
  readonly #clockCorrection: ClockCorrection;
  #connection: Connection | undefined;
  #addressCheck: Promise<void> | undefined;

  constructor(
    settings: S3Settings,
    log: Log,
    { clock, limits, connect, bucketWasDown, waited }: CallerOptions,
  ) {
    this.settings = settings;
    this.log = log;
    this.clock = clock;
    this.#open = connect;
    this.#rate = new RequestRate(clock, limits.figures.serverWorkMs);
    this.#unsigned = new UnsignedReads(log);
    this.#clockCorrection = new ClockCorrection(log);
    this.#limits = limits;
    this.#waited = waited;
    this.#bucketWasDown = bucketWasDown;
  }

  /** The server's clock in ms since 1970, by its latest response. Before the first it is the runner's. */
  get serverTimeMs(): number {
    return this.#connection?.handler.serverTimeMs ?? Date.now();
  }

  /** How to connect to the endpoint, for other threads. Throws as a call does for settings that cannot be used. */
  get connectionSettings(): ConnectionSettings {
    return this.#connect().settings;
  }

  /** Whether the endpoint has responded yet. Until then all calls together have seconds. */
  get answered(): boolean {
    return this.#limits.hasAnswered;
  }

  /** Forgets how long the calls so far have waited: an operation of many calls, of any number, has come closer to its end. */
  forgetWaits(): void {
    this.#waited.clear();
  }

  /**
   * Makes a call. Rejects with the signal's reason or with an error of the store contract; those that `attempt` throws pass
   * unchanged. A call that ends without a response opens the circuit.
   */
  async run<T>(spec: CallSpec, attempt: Attempt<T>): Promise<T> {
    this.#addressCheck ??= checkAddress(this.settings, (...call) => this.#run(...call));
    await this.#addressCheck;
    return this.#run(spec, attempt);
  }

  /**
   * Makes a call, signed. Without any credentials a read is sent once without a signature, which a public bucket accepts; if
   * it is refused, the call and all that follow fail for want of credentials.
   */
  async #run<T>(spec: CallSpec, attempt: Attempt<T>): Promise<T> {
    try {
      return await this.#send(spec, attempt);
    } catch (error) {
      if (!(error instanceof NoCredentialsError) || !READS.has(spec.operation)) throw error;
      return await this.#unsigned.run(error, isAllowed => this.#send(spec, attempt, { isAllowed }));
    }
  }

  async #send<T>(
    spec: CallSpec,
    attempt: Attempt<T>,
    unsigned?: { readonly isAllowed: boolean },
  ): Promise<T> {
    const last = spec.lastCallMs !== undefined && this.#circuit.takeLastCall();
    if (!last) this.#circuit.refuseWhenOpen(spec.operation);
    const limits = new CallLimits(spec, last, {
      limits: this.#limits,
      clock: this.clock,
      waited: this.#waited,
    });
    if (!unsigned) await this.#signIn(limits);
    const options = limits.begin();
    const signal = options.abortSignal as AbortSignal | undefined;
    const call: Attempt<T> = unsigned
      ? (_, ...rest) => attempt(this.#connect().unsignedClient, ...rest)
      : attempt;
    const once = async (progress = limits.progress) => {
      await this.#rate.turn(signal);
      const end = limits.beginAttempt();
      return this.#attempt(spec, call, options, last, progress).finally(end);
    };
    const transfer = () => {
      const { sendsBytes } = spec;
      if (sendsBytes === undefined) return once();
      return this.#rate.send(sendsBytes, onSent => once(observed(limits.progress, onSent)), signal);
    };
    let earlier: Error | undefined;
    try {
      const result = await retry(() => (spec.transfer ? this.#rate.transfer(transfer, signal) : once()), {
        attempts: spec.optional || unsigned?.isAllowed === false ? 1 : this.settings.attempts,
        clock: this.clock,
        // A gateway that was too busy for the parts may still be for the call that cleans up behind them
        isRetryable: error =>
          isRetryable(error) && (last ? httpStatus(error) !== undefined : !this.#bucketWasDown),
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
    const { signal } = limits;
    const begin = this.clock.now();
    try {
      const signedIn = this.#connect().signIn();
      await unlessAborted(signedIn, signal);
    } catch (error) {
      limits.clear();
      throw error;
    } finally {
      this.#waited.add(begin, this.clock.now());
    }
  }

  /** Converts a failure, and opens the circuit where the endpoint did not answer as an S3 server does. */
  #failed(spec: CallSpec, error: unknown): Error {
    const failure = fromS3Error(error, spec.operation, this.settings, {
      ...(this.#connection?.identity() ?? { temporary: false, expiresMs: undefined, role: undefined }),
      accepted: this.#accepted,
    });
    const unanswered = isRetryable(error) || error instanceof ProtocolError;
    const matters = !spec.optional && !spec.replaceable;
    if (unanswered && failure instanceof StoreUnavailableError && matters) this.#circuit.open(failure);
    return failure;
  }

  async #attempt<T>(
    spec: CallSpec,
    attempt: Attempt<T>,
    options: SdkHandlerOptions,
    last: boolean,
    progress: CallProgress,
  ): Promise<T> {
    // Another call may have given the endpoint up while this one waited for its next attempt.
    if (!last) this.#circuit.refuseWhenOpen(spec.operation);
    const { client } = this.#connect();
    this.counters.requests++;
    const begin = this.clock.now();
    const request = this.#rate.begin();
    let result = 'no response';
    let body: Readable | undefined;
    const onResponse = (response: TransportResponse) => {
      result = String(response.status);
      body = response.body;
    };
    try {
      const send = () => attempt(client, { ...options, onResponse }, progress);
      const value = await this.#clockCorrection.run(send, () => this.counters.requests++);
      request.accepted();
      return value;
    } catch (error) {
      result = summaryOf(error);
      request.failed(error);
      // A body that the SDK did not read would hold its connection
      body?.destroy();
      throw error;
    } finally {
      request.end();
      this.log.debug(
        `s3 ${spec.operation} ${spec.about}: ${result}, ${Math.round(this.clock.now() - begin)} ms`,
      );
    }
  }

  #connect(): Connection {
    this.#connection ??= this.#open();
    return this.#connection;
  }

  close(): void {
    this.#limits.close();
    this.#connection?.client.destroy();
    this.#connection?.handler.destroy();
  }
}

/** Returns a progress whose sent bytes are counted by `onSent` too. */
function observed(progress: CallProgress, onSent: (bytes: number) => void): CallProgress {
  return {
    completed: bytes => progress.completed(bytes),
    sent(bytes) {
      onSent(bytes);
      progress.sent(bytes);
    },
  };
}
