import type { Command } from '@smithy/types';
import type { S3Client, ServiceInputTypes, ServiceOutputTypes } from './sdk.ts';
import type { SdkHandlerOptions } from './sdk-request-handler.ts';

/** Properties of one call to S3. */
export interface CallSpec {
  /** S3's name of the operation. */
  readonly operation: string;
  /** The object, range or part, for the debug log. */
  readonly about: string;
  readonly signal?: AbortSignal | undefined;
  /** The server may work without sending anything: a longer limit for all attempts, and no idle timeout. */
  readonly serverWork?: boolean;
  /** Whether the attempt that just failed got closer to the end: then it does not count against the attempts. */
  readonly madeProgress?: () => boolean;
  /**
   * Sends a body of so many bytes: the wait for the response is that for the server's work, once the body has been sent. Beside other
   * transfers, each attempt waits until there is room for them (retry/send-window.ts).
   */
  readonly sendsBytes?: number;
  /** Whether this process keeps the bytes of a response from being read: that is no standstill of the endpoint. */
  readonly isBlocked?: () => boolean;
  /** Moves an object's bytes beside other transfers: each attempt waits for a place (retry/concurrency-limiter.ts). */
  readonly transfer?: boolean;
  /** The caller does not need the response: one attempt, and its failure does not open the circuit. */
  readonly optional?: boolean;
  /** The caller has another way: a failure does not open the circuit. */
  readonly replaceable?: boolean;
  /**
   * Cleans up, for this many ms at least although earlier calls have used up the time to wait. Once the endpoint was given up it
   * is allowed once, for this many ms, and repeated while the endpoint responds.
   */
  readonly lastCallMs?: number;
  /** Bound of the body of a success in bytes, or `'stream'`. Default: 64 KiB. */
  readonly maxBodyBytes?: SdkHandlerOptions['maxBodyBytes'];
}

/** Counts the bytes of a call that may take long, so that it is not taken for a stalled one. */
export interface CallProgress {
  /** Counts bytes that another attempt would send again. */
  sent(bytes: number): void;
  /** Counts bytes that no other attempt moves again. */
  completed(bytes: number): void;
}

/** Makes one attempt: sends through `client.send(command, options)` and reads the body. */
export type Attempt<T> = (client: S3Client, options: SdkHandlerOptions, progress: CallProgress) => Promise<T>;

/** A command of the SDK. */
export type S3Command<Input extends ServiceInputTypes, Output extends ServiceOutputTypes> = Command<
  ServiceInputTypes,
  Input,
  ServiceOutputTypes,
  Output,
  S3Client['config']
>;
