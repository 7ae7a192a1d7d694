import type { Readable } from 'node:stream';
import type { WorkerBuffer } from '../../../archive/pool/worker-pool.ts';
import type { ByteRange, ByteSpan, GetOptions, RangeBytes } from '../../object-store.ts';
import { objectReplaced, rangesNotServed } from '../../store-errors.ts';
import type { Caller } from '../calls/caller.ts';
import { GetObjectCommand } from '../calls/sdk.ts';
import { isMissing, isStatus } from '../errors/response-error.ts';
import { endedEarly } from '../transport/body.ts';
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

/** An attempt that received this many bytes before it broke does not count against the attempts. */
const PROGRESS_BYTES = 1024 * 1024;

/**
 * Reads one range of an object into one buffer. A body that stalls or breaks off is continued from its last byte.
 *
 * After the first response the ETag is pinned, so that a continuation cannot join bytes of two objects.
 */
export async function getRange(
  caller: Caller,
  name: string,
  range: ByteRange,
  options: GetOptions = {},
): Promise<RangeBytes | undefined> {
  if ('suffix' in range ? range.suffix <= 0 : range.end <= range.start) {
    return emptyRange(caller, name, range, options);
  }
  if ('suffix' in range && !caller.capabilities.longSuffixRanges) {
    return byAbsoluteRange(caller, name, range.suffix, options);
  }
  const target = new OwnMemory();
  const received = await readRange(caller, name, range, target, options);
  if (received === 'missing') return undefined;
  if (received === 'past the end') {
    if ('suffix' in range) return byAbsoluteRange(caller, name, range.suffix, options);
    return emptyRange(caller, name, range, options);
  }
  const { start, sizeBytes, etag, modifiedMs } = received;
  return { bytes: target.bytes, start, sizeBytes, etag, modifiedMs };
}

/**
 * Lets a worker read one range of an object into a buffer of its own, over its own connections. This thread decides as for
 * `getRange`: the worker gets one signed request after the other, and returns what came back. Returns the number of bytes, 0
 * if the server has none in the range, and undefined if there is no such object.
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

/** Reads one range into `target`. `isBlocked` is that of `CallSpec`. */
async function readRange(
  caller: Caller,
  name: string,
  range: ByteRange,
  target: RangeTarget,
  options: GetOptions,
  isBlocked?: () => boolean,
): Promise<Received | 'missing' | 'past the end'> {
  let received: Received | undefined;
  let before = 0;
  const about = `${name} ${rangeHeader(range)}`;
  return caller.run(
    {
      operation: 'GetObject',
      about,
      signal: options.signal,
      transfer: true,
      maxBodyBytes: 'stream',
      madeProgress: () => target.filled - before >= PROGRESS_BYTES,
      ...(isBlocked && { isBlocked }),
    },
    async (client, callOptions, progress) => {
      before = target.filled;
      const onBytes = (count: number) => {
        progress.completed(count);
        options.onBytes?.(count);
      };
      const etag = received?.etag ?? options.etag;
      const wanted = rangeHeader(received ? restOf(received, target) : range);
      const condition = etag === undefined ? undefined : `"${etag}"`;
      const input = { Bucket: caller.settings.bucket, Key: name, Range: wanted, IfMatch: condition };
      const request = await caller.repeated
        .of(client, 'GetObject', name)
        .sign(() => new GetObjectCommand(input), { headers: { range: wanted, 'if-match': condition } });
      let response: Awaited<ReturnType<Caller['exchange']>>;
      try {
        response = await caller.exchange(request, { ...callOptions, send: target.senderOf?.(onBytes) });
      } catch (error) {
        if (isMissing(error) && !received) return 'missing';
        if (isMissing(error) || isStatus(error, 412)) throw objectReplaced(name, error);
        // No byte to read: the object is empty, or ends before the range
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
      if (target.filled < received.length) throw endedEarly();
      return received;
    },
  );
}

/**
 * Reads the last bytes by their offsets. A 416 to a suffix range means an empty object, but some servers also refuse a suffix
 * that is longer than the object (rclone's S3 layer, gofakes3).
 * @throws StoreUnavailableError if the server returns fewer bytes than the object has by HEAD: that is no damage.
 */
async function byAbsoluteRange(
  caller: Caller,
  name: string,
  suffix: number,
  options: GetOptions,
): Promise<RangeBytes | undefined> {
  const info = await headObject(caller, name, { signal: options.signal });
  if (!info) return undefined;
  const { sizeBytes, etag, modifiedMs } = info;
  if (options.etag !== undefined && options.etag !== etag) throw objectReplaced(name);
  if (sizeBytes === 0) return { bytes: new Uint8Array(0), start: 0, sizeBytes, etag, modifiedMs };
  caller.capabilities.longSuffixRanges = false;
  const range = { start: Math.max(0, sizeBytes - suffix), end: sizeBytes };
  const tail = await getRange(caller, name, range, { ...options, etag });
  const got = tail?.bytes.length ?? 0;
  if (tail && got < range.end - range.start) {
    throw rangesNotServed(name, rangeHeader(range), `${got} bytes, although the object has ${sizeBytes}`);
  }
  return tail;
}

/** Describes a range without bytes by HEAD: HTTP cannot request one, and 416 returns neither size nor ETag. */
async function emptyRange(
  caller: Caller,
  name: string,
  range: ByteRange,
  { etag, signal }: GetOptions,
): Promise<RangeBytes | undefined> {
  const info = await headObject(caller, name, { signal });
  if (!info) return undefined;
  if (etag !== undefined && etag !== info.etag) throw objectReplaced(name);
  const start = 'suffix' in range ? info.sizeBytes : Math.min(range.start, info.sizeBytes);
  const { sizeBytes, modifiedMs } = info;
  return { bytes: new Uint8Array(0), start, sizeBytes, etag: info.etag, modifiedMs };
}
