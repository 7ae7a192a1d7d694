/** Checks the responses to requests for a range: each has the requested bytes, all of one object. */

import type { Readable } from 'node:stream';
import type { ByteRange, ByteSpan } from '../../object-store.ts';
import { ObjectReplacedError, StoreUnavailableError } from '../../store-errors.ts';
import { bareEtag } from '../calls/object-headers.ts';
import { isWebPage, webPage } from '../errors/front-refusals.ts';
import type { TransportResponse } from '../transport/transport.ts';
import { noEtag } from './head.ts';
import type { RangeTarget } from './range-target.ts';

/** The used part of a response, under the SDK's names. */
export interface RangeOutput {
  readonly ContentLength: number | undefined;
  readonly ContentRange: string | undefined;
  readonly ContentType: string | undefined;
  readonly ETag: string | undefined;
  readonly LastModified: Date | undefined;
  readonly Body: Readable;
}

/** Returns the used part of a response. */
export function rangeOutputOf({ headers, body }: TransportResponse): RangeOutput {
  const modified = Date.parse(headers['last-modified'] ?? '');
  return {
    ContentLength: headers['content-length'] === undefined ? undefined : Number(headers['content-length']),
    ContentRange: headers['content-range'],
    ContentType: headers['content-type'],
    ETag: headers.etag,
    LastModified: Number.isNaN(modified) ? undefined : new Date(modified),
    Body: body,
  };
}

/** A range whose response was found to be the requested one. */
export interface Received {
  readonly length: number;
  readonly start: number;
  readonly sizeBytes: number;
  readonly etag: string;
  readonly modifiedMs: number;
}

/** Returns whether the response is that of an object without bytes: 200 (AWS, Swift), or 206 with a range of -1 (MinIO). */
export function isEmptyObject({ ContentLength, ContentRange }: RangeOutput): boolean {
  return ContentRange === undefined ? ContentLength === 0 : /^bytes 0--1\/0$/.test(ContentRange);
}

/** Returns the value of the header Range. */
export function rangeHeader(range: ByteRange): string {
  return 'suffix' in range ? `bytes=-${range.suffix}` : `bytes=${range.start}-${range.end - 1}`;
}

/** Returns the bytes of a range that are not received yet. */
export function restOf({ start, length }: Received, { filled }: RangeTarget): ByteSpan {
  return { start: start + filled, end: start + length };
}

/** Checks the first response to a request. Throws `StoreUnavailableError` or `StoreRefusedError` if it is not the requested range. */
export function parseFirstResponse(output: RangeOutput, name: string, range: ByteRange): Received {
  const [, ...numbers] = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/.exec(output.ContentRange ?? '') ?? [];
  const [start, last, sizeBytes] = numbers.map(Number);
  const etag = bareEtag(output.ETag);
  // A front that sends the body in chunks sends no length: then the range is the bound
  const length = output.ContentLength ?? (last ?? 0) - (start ?? 0) + 1;
  if (
    start === undefined ||
    last === undefined ||
    sizeBytes === undefined ||
    length !== last - start + 1 ||
    !isRequested(range, start, length, sizeBytes)
  ) {
    if (isWebPage(output.ContentType)) throw webPage(name);
    const got = shortened(output.ContentRange) ?? `${length} bytes`;
    throw new StoreUnavailableError(
      `${name}: the endpoint does not serve ranges (requested ${rangeHeader(range)}, got ${got})`,
    );
  }
  if (etag === undefined) throw noEtag(name, output.ContentType);
  return { length, start, sizeBytes, etag, modifiedMs: output.LastModified?.getTime() ?? 0 };
}

/** Returns whether this is the requested range: its length becomes memory. */
function isRequested(range: ByteRange, start: number, length: number, sizeBytes: number): boolean {
  const wanted =
    'suffix' in range
      ? { start: Math.max(0, sizeBytes - range.suffix), end: sizeBytes }
      : { start: range.start, end: Math.min(range.end, sizeBytes) };
  return start === wanted.start && start + length === wanted.end;
}

/** Checks that the response to a continuation begins where the last one broke off. */
export function checkContinuation(
  received: Received,
  target: RangeTarget,
  output: RangeOutput,
  name: string,
): void {
  const { start, end } = restOf(received, target);
  if (bareEtag(output.ETag) !== received.etag) throw objectReplaced(name);
  if (output.ContentRange !== `bytes ${start}-${end - 1}/${received.sizeBytes}`) {
    throw new StoreUnavailableError(
      `${name}: requested bytes ${start}-${end - 1}, got ${shortened(output.ContentRange)}`,
    );
  }
}

function shortened(text: string | undefined): string | undefined {
  return text?.slice(0, 80);
}

/** Makes the error for an object that is not the one of the earlier responses. */
export function objectReplaced(name: string, cause?: unknown): ObjectReplacedError {
  return new ObjectReplacedError(`${name} was replaced or removed meanwhile`, { cause });
}
