import type { Readable } from 'node:stream';
import type { WorkerBuffer } from '../../../archive/pool/worker-pool.ts';
import {
  type ByteRange,
  type ByteSpan,
  type GetOptions,
  type RangeBytes,
  spanOf,
} from '../../object-store.ts';
import { objectReplaced, rangesNotServedError } from '../../store-errors.ts';
import type { Caller } from '../calls/caller.ts';
import { GetObjectCommand } from '../calls/sdk.ts';
import { isMissing, isStatus } from '../errors/response-error.ts';
import { headObject } from './head.ts';
import {
  checkContinuation,
  isEmptyObject,
  parseFirstResponse,
  type Received,
  rangeHeader,
  restOf,
} from './range-response.ts';
import { OwnMemory, type RangeTarget, WorkerMemory } from './range-target.ts';

/** Number of received bytes from which a failed attempt does not count against the attempts. */
const PROGRESS_BYTES = 1024 * 1024;

/**
 * Reads one range of an object into one buffer. A body that stalls or breaks off is continued from its last byte. The requests
 * after the first response have its ETag as a condition, so that a continuation cannot join bytes of two objects.
 */
export async function getRange(
  caller: Caller,
  name: string,
  range: ByteRange,
  options: GetOptions = {},
): Promise<RangeBytes | undefined> {
  const { hasLongSuffixRanges } = caller.capabilities;
  const needsHead = 'suffix' in range ? range.suffix <= 0 || !hasLongSuffixRanges : range.end <= range.start;
  if (needsHead) return rangeByHead(caller, name, range, options);
  const target = new OwnMemory();
  const received = await readRange(caller, name, range, target, options);
  if (received === 'missing') return undefined;
  if (received === 'past the end') return rangeByHead(caller, name, range, options);
  const { start, sizeBytes, etag, modifiedMs } = received;
  return { bytes: target.bytes, start, sizeBytes, etag, modifiedMs };
}

/**
 * Reads one range of an object into a buffer of a worker, over the worker's connections. This thread decides as for `getRange`: it
 * passes one signed request after the other to the worker, and gets the responses. Returns the number of bytes, which is 0 if the
 * object has none in the range. Returns undefined if there is no such object.
 */
export async function fetchRange(
  caller: Caller,
  name: string,
  span: ByteSpan,
  buffer: WorkerBuffer,
  options: GetOptions,
): Promise<number | undefined> {
  const isBlocked = () => buffer.isWorkerBusy();
  const received = await readRange(caller, name, span, new WorkerMemory(buffer), options, isBlocked);
  if (received === 'missing') return undefined;
  return received === 'past the end' ? 0 : received.length;
}

/** Reads one range into `target`. `isBlocked` is as in `CallSpec`. */
async function readRange(
  caller: Caller,
  name: string,
  range: ByteRange,
  target: RangeTarget,
  options: GetOptions,
  isBlocked?: () => boolean,
): Promise<Received | 'missing' | 'past the end'> {
  let received: Received | undefined;
  let filledBefore = 0;
  const about = `${name} ${rangeHeader(range)}`;
  return caller.run(
    {
      operation: 'GetObject',
      about,
      signal: options.signal,
      isTransfer: true,
      maxBodyBytes: 'stream',
      madeProgress: () => target.filled - filledBefore >= PROGRESS_BYTES,
      ...(isBlocked && { isBlocked }),
    },
    async (client, callOptions, progress) => {
      filledBefore = target.filled;
      const onBytes = (count: number) => {
        progress.countCompleted(count);
        options.onBytes?.(count);
      };
      const etag = received?.etag ?? options.etag;
      const wanted = rangeHeader(received ? restOf(received, target) : range);
      const condition = etag === undefined ? undefined : `"${etag}"`;
      const input = { Bucket: caller.settings.bucket, Key: name, Range: wanted, IfMatch: condition };
      const makeCommand = () => new GetObjectCommand(input);
      const headers = { range: wanted, 'if-match': condition };
      const repeated = { operation: 'GetObject', name };
      const request = await caller.signRepeated(client, repeated, makeCommand, { headers });
      let response: Awaited<ReturnType<Caller['exchange']>>;
      try {
        response = await caller.exchange(request, { ...callOptions, send: target.senderOf?.(onBytes) });
      } catch (error) {
        if (isMissing(error) && !received) return 'missing';
        if (isMissing(error) || isStatus(error, 412)) throw objectReplaced(name, error);
        // The object is empty, or ends before the range
        if (isStatus(error, 416) && !received) return 'past the end';
        throw error;
      }
      const body = response.body as Readable;
      if (!received && isEmptyObject(response)) {
        body.resume();
        return 'past the end';
      }
      if (received) checkContinuation(received, target, response, name);
      else {
        received = parseFirstResponse(response, name, range);
        target.open(received.length);
      }
      await target.read(body, onBytes);
      if (target.filled < received.length)
        throw Object.assign(new Error('the body ended early'), { code: 'ERR_STREAM_PREMATURE_CLOSE' });
      return received;
    },
  );
}

/**
 * Returns a range by the size that HEAD returns. HTTP cannot request a range without bytes, and a 416 has neither size nor ETag.
 * Some servers refuse a suffix range that is longer than the object (rclone's S3 layer, gofakes3), so it is requested by offsets.
 * @throws StoreUnavailableError if the server returns fewer bytes than it should: the archive is not damaged then.
 */
async function rangeByHead(
  caller: Caller,
  name: string,
  range: ByteRange,
  options: GetOptions,
): Promise<RangeBytes | undefined> {
  const info = await headObject(caller, name, { signal: options.signal });
  if (!info) return undefined;
  const { sizeBytes, etag, modifiedMs } = info;
  if (options.etag !== undefined && options.etag !== etag) throw objectReplaced(name);
  const { start, end } = spanOf(range, sizeBytes);
  if (start === end || !('suffix' in range)) {
    return { bytes: new Uint8Array(0), start, sizeBytes, etag, modifiedMs };
  }
  caller.capabilities.hasLongSuffixRanges = false;
  const tail = await getRange(caller, name, { start, end }, { ...options, etag });
  const got = tail?.bytes.length ?? 0;
  if (tail && got < end - start) {
    const requested = rangeHeader({ start, end });
    throw rangesNotServedError(name, requested, `${got} bytes, although the object has ${sizeBytes}`);
  }
  return tail;
}
