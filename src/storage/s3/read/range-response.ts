/** Checks the responses to requests for a range: each must have the requested bytes, and all must belong to one object. */

import { type ByteRange, type ByteSpan, type RangeBytes, spanOf } from '../../object-store.ts';
import { objectReplaced, rangesNotServedError, StoreUnavailableError } from '../../store-errors.ts';
import { bareEtag } from '../calls/object-headers.ts';
import { isWebPage, webPageError } from '../errors/proxy-refusals.ts';
import { knownTime } from '../known-time.ts';
import type { TransportResponse } from '../transport/transport.ts';
import { noEtagError } from './head.ts';
import type { RangeTarget } from './range-target.ts';

type Headed = Pick<TransportResponse, 'headers'>;

/** The range of a checked response, and its object. */
export interface Received extends Omit<RangeBytes, 'bytes'> {
  /** Length of the range in bytes. */
  readonly length: number;
}

/** Returns whether the object has no bytes: the response is 200 (AWS, Swift), or 206 with a range that ends at -1 (MinIO). */
export function isEmptyObject({ headers }: Headed): boolean {
  const { 'content-range': range, 'content-length': length } = headers;
  return range === undefined ? Number(length) === 0 : /^bytes 0--1\/0$/.test(range);
}

/** Returns the value of the header Range. */
export function rangeHeader(range: ByteRange): string {
  return 'suffix' in range ? `bytes=-${range.suffix}` : `bytes=${range.start}-${range.end - 1}`;
}

/** Returns the part of a range that has not been received yet. */
export function restOf({ start, length }: Received, { filled }: RangeTarget): ByteSpan {
  return { start: start + filled, end: start + length };
}

/**
 * Checks the first response, and returns its range.
 * @throws StoreUnavailableError or StoreRefusedError if it is not the requested range.
 */
export function parseFirstResponse({ headers }: Headed, name: string, range: ByteRange): Received {
  const { 'content-type': type, 'content-range': contentRange, 'content-length': contentLength } = headers;
  const [, ...numbers] = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/.exec(contentRange ?? '') ?? [];
  const [start = Number.NaN, last = Number.NaN, sizeBytes = Number.NaN] = numbers.map(Number);
  const length = last - start + 1;
  const wanted = spanOf(range, sizeBytes);
  // This also checks the length, before memory of this length is allocated. Without a range, NaN equals nothing
  const isRequested = start === wanted.start && start + length === wanted.end;
  // A reverse proxy that sends the body in chunks sends no length
  const fitsLength = contentLength === undefined || Number(contentLength) === length;
  if (!isRequested || !fitsLength) {
    if (isWebPage(type)) throw webPageError(name);
    throw rangesNotServedError(name, rangeHeader(range), describeRange(contentRange, contentLength));
  }
  const etag = bareEtag(headers.etag);
  if (etag === undefined) throw noEtagError(name, type);
  const modifiedMs = knownTime(headers['last-modified']);
  return { length, start, sizeBytes, etag, modifiedMs };
}

/**
 * Checks that a response continues the range after the last received byte.
 * @throws ObjectReplacedError if it is of another object, StoreUnavailableError if it is another range.
 */
export function checkContinuation(
  received: Received,
  target: RangeTarget,
  { headers }: Headed,
  name: string,
): void {
  const { start, end } = restOf(received, target);
  if (bareEtag(headers.etag) !== received.etag) throw objectReplaced(name);
  const contentRange = headers['content-range'];
  if (contentRange !== `bytes ${start}-${end - 1}/${received.sizeBytes}`) {
    throw new StoreUnavailableError(
      `${name}: requested bytes ${start}-${end - 1}, got ${describeRange(contentRange)}`,
    );
  }
}

function describeRange(contentRange: string | undefined, contentLength?: string): string {
  if (contentRange !== undefined) return contentRange.slice(0, 80);
  return contentLength === undefined ? 'no range' : `${Number(contentLength)} bytes`;
}
