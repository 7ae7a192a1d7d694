import type { Readable } from 'node:stream';
import { finished } from 'node:stream';
import { releaseOwned } from '../../../archive/memory/buffers.ts';
import { checkName } from '../../object-name.ts';
import type { ByteRange, ByteSpan, GetOptions, RangeBytes } from '../../object-store.ts';
import { ObjectReplacedError, StoreUnavailableError } from '../../store-errors.ts';
import type { Caller } from '../calls/caller.ts';
import { bareEtag } from '../calls/object-headers.ts';
import { isMissing, isStatus } from '../calls/s3-errors.ts';
import { GetObjectCommand, type GetObjectCommandOutput } from '../calls/sdk.ts';
import { headObject } from './head.ts';

/** An attempt that brought this many bytes before it broke does not count against the attempts. */
const PROGRESS_BYTES = 1024 * 1024;

/** What has arrived of one range, over all attempts. */
interface Received {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly start: number;
  readonly sizeBytes: number;
  readonly etag: string;
  filled: number;
}

/**
 * One range of an object, in one buffer. A body that stalls or breaks off is continued from its last byte.
 *
 * May be repeated: reads only. From the first answer on the ETag is pinned, so that a continuation cannot join bytes
 * of two objects.
 */
export async function getRange(
  caller: Caller,
  name: string,
  range: ByteRange,
  options: GetOptions = {},
): Promise<RangeBytes | undefined> {
  checkName(name);
  if ('suffix' in range ? range.suffix <= 0 : range.end <= range.start) {
    return emptyRange(caller, name, range, options);
  }
  let received: Received | undefined;
  let before = 0;
  const about = `${name} ${rangeHeader(range)}`;
  const answer = await caller.run(
    {
      operation: 'GetObject',
      about,
      signal: options.signal,
      transfer: true,
      madeProgress: () => (received?.filled ?? 0) - before >= PROGRESS_BYTES,
    },
    async (client, callOptions) => {
      before = received?.filled ?? 0;
      const etag = received?.etag ?? options.etag;
      let output: GetObjectCommandOutput;
      try {
        output = await client.send(
          new GetObjectCommand({
            Bucket: caller.settings.bucket,
            Key: name,
            Range: rangeHeader(received ? rest(received) : range),
            ...(etag !== undefined && { IfMatch: `"${etag}"` }),
          }),
          callOptions,
        );
      } catch (error) {
        if (isMissing(error) && !received) return 'missing';
        if (isMissing(error) || isStatus(error, 412)) throw replaced(name, error);
        // Nothing there to read: the object is empty, or ends before the range.
        if (isStatus(error, 416) && !received) return 'past the end';
        throw error;
      }
      received = received ? continued(received, output, name) : begun(output, name, range);
      await readInto(received, output.Body as Readable, options.onBytes);
      return 'whole';
    },
  );
  if (answer === 'missing') return undefined;
  if (answer === 'past the end' || !received) return emptyRange(caller, name, range, options);
  const { bytes, start, sizeBytes, etag } = received;
  return { bytes, start, sizeBytes, etag };
}

/** A range without a byte in it has no spelling in HTTP, and 416 tells neither size nor ETag: HEAD does. */
async function emptyRange(
  caller: Caller,
  name: string,
  range: ByteRange,
  { etag, signal }: GetOptions,
): Promise<RangeBytes | undefined> {
  const info = await headObject(caller, name, signal);
  if (!info) return undefined;
  if (etag !== undefined && etag !== info.etag) throw replaced(name);
  const start = 'suffix' in range ? info.sizeBytes : Math.min(range.start, info.sizeBytes);
  return { bytes: new Uint8Array(0), start, sizeBytes: info.sizeBytes, etag: info.etag };
}

function rangeHeader(range: ByteRange): string {
  return 'suffix' in range ? `bytes=-${range.suffix}` : `bytes=${range.start}-${range.end - 1}`;
}

function rest(received: Received): ByteSpan {
  return { start: received.start + received.filled, end: received.start + received.bytes.length };
}

function begun(output: GetObjectCommandOutput, name: string, range: ByteRange): Received {
  const place = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(output.ContentRange ?? '');
  const [start, last, sizeBytes] = (place ?? []).slice(1).map(Number);
  const etag = bareEtag(output.ETag);
  const length = output.ContentLength;
  if (
    etag === undefined ||
    start === undefined ||
    last === undefined ||
    sizeBytes === undefined ||
    length !== last - start + 1 ||
    !answers(range, start, length, sizeBytes)
  ) {
    (output.Body as Readable).destroy();
    const got = output.ContentRange ?? `${length} bytes`;
    throw new StoreUnavailableError(
      `${name}: the endpoint does not serve ranges (asked for ${rangeHeader(range)}, got ${got})`,
    );
  }
  // Uninitialised memory of its own: the pool's buffers cannot be transferred to a worker.
  const { buffer } = Buffer.allocUnsafeSlow(length);
  return { bytes: new Uint8Array(buffer), start, sizeBytes, etag, filled: 0 };
}

/** Whether this is the range that was asked for: its length becomes memory. */
function answers(range: ByteRange, start: number, length: number, sizeBytes: number): boolean {
  const wanted =
    'suffix' in range
      ? { start: Math.max(0, sizeBytes - range.suffix), end: sizeBytes }
      : { start: range.start, end: Math.min(range.end, sizeBytes) };
  return start === wanted.start && start + length === wanted.end;
}

/** The answer to a continuation must begin where the last one broke off. */
function continued(received: Received, output: GetObjectCommandOutput, name: string): Received {
  const { start, end } = rest(received);
  if (bareEtag(output.ETag) !== received.etag) {
    (output.Body as Readable).destroy();
    throw replaced(name);
  }
  if (output.ContentRange !== `bytes ${start}-${end - 1}/${received.sizeBytes}`) {
    (output.Body as Readable).destroy();
    throw new StoreUnavailableError(
      `${name}: asked for bytes ${start}-${end - 1}, got ${output.ContentRange}`,
    );
  }
  return received;
}

/** Rejects with a retryable error when the body ends before the range does. */
function readInto(received: Received, body: Readable, onBytes?: (count: number) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const { bytes } = received;
    body.on('data', (chunk: Buffer) => {
      if (received.filled + chunk.length > bytes.length) {
        body.destroy(brokenBody('the body is longer than its Content-Length'));
        return;
      }
      const { length } = chunk;
      bytes.set(chunk, received.filled);
      received.filled += length;
      // Node's parser copies what it hands on, so it is ours
      releaseOwned(chunk);
      onBytes?.(length);
    });
    finished(body, error => {
      if (error) reject(error);
      else if (received.filled < bytes.length) reject(brokenBody('the body ended early'));
      else resolve();
    });
  });
}

function brokenBody(message: string): Error {
  return Object.assign(new Error(message), { code: 'ERR_STREAM_PREMATURE_CLOSE' });
}

function replaced(name: string, cause?: unknown): ObjectReplacedError {
  return new ObjectReplacedError(`${name} was replaced or removed meanwhile`, { cause });
}
