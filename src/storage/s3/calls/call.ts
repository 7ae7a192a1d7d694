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
  /** Whether the server may work for long without sending a byte: the idle timeout and the limit of all attempts are longer. */
  readonly isLongWork?: boolean;
  /** Returns whether the attempt that just failed got closer to the end. Then it does not count against the attempts. */
  readonly madeProgress?: () => boolean;
  /**
   * Size of the body that the call sends, in bytes. After the body has been sent, the server may work for long. An attempt of a
   * transfer waits until there is room for the body beside others (retry/send-window.ts).
   */
  readonly sendsBytes?: number;
  /** Returns whether this process itself is not reading the bytes of a response: then the endpoint does not stall. */
  readonly isBlocked?: () => boolean;
  /** Whether the call moves the bytes of an object: each attempt waits for a place beside others (retry/concurrency-limiter.ts). */
  readonly isTransfer?: boolean;
  /** Whether the caller can do without the response: one attempt, and a failure does not open the circuit. */
  readonly optional?: boolean;
  /** Whether the caller has another way: a failure does not open the circuit. */
  readonly hasOtherWay?: boolean;
  /**
   * Time in ms of a call that cleans up. It has at least this time, even if earlier calls have used up the time to wait. After
   * the circuit has opened, one such call is sent, within this time, and retried while the endpoint responds.
   */
  readonly lastCallMs?: number;
  /** Bound of the body of a success in bytes, or `'stream'`. Default: 64 KiB. */
  readonly maxBodyBytes?: SdkHandlerOptions['maxBodyBytes'];
}

/** Counts the bytes of a call: without them it counts as stalled after some time. */
export interface CallProgress {
  /** Counts bytes that another attempt would send again. */
  countSent(bytes: number): void;
  /** Counts bytes that no other attempt moves again. */
  countCompleted(bytes: number): void;
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
