import type { Log } from '../../../report/log.ts';
import { type NoCredentialsError, StoreRefusedError } from '../../store-errors.ts';
import { isStatus } from '../errors/response-error.ts';

/** Calls that a public bucket may allow without a signature. */
const READS: ReadonlySet<string> = new Set(['GetObject', 'HeadObject', 'ListObjectsV2']);

/**
 * Creates the function that sends a read of a run without any credentials, such as a pull request from a fork. The first read is
 * sent alone: if it is refused, it and all that follow fail with `reason`, the failure of the call for lack of credentials. Any
 * other call than a read fails with it. `isAllowed` of `send` is false for the first read.
 */
export function createUnsignedReads(log: Log) {
  /** Whether the first read was allowed. */
  let first: Promise<boolean> | undefined;
  return async <T>(
    reason: NoCredentialsError,
    operation: string,
    send: (isAllowed: boolean) => Promise<T>,
  ): Promise<T> => {
    if (!READS.has(operation)) throw reason;
    const isFirst = first === undefined;
    const decision = Promise.withResolvers<boolean>();
    first ??= decision.promise;
    if (!isFirst && !(await first)) throw reason;
    try {
      const result = await send(!isFirst);
      if (isFirst)
        log.info(
          'There are no credentials, but the bucket can be read without them. Nothing is saved to it.',
        );
      decision.resolve(true);
      return result;
    } catch (error) {
      const isRefused = error instanceof StoreRefusedError && isStatus(error.cause, 401, 403);
      decision.resolve(!isRefused);
      throw isRefused ? reason : error;
    }
  };
}
