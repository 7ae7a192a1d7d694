/** Checks the responses to requests for a range: each has the requested bytes, all of one object. */

import { type ByteRange, type ByteSpan, spanOf } from '../../object-store.ts';
import { objectReplaced, rangesNotServed, StoreUnavailableError } from '../../store-errors.ts';
import { bareEtag, knownTime } from '../calls/object-headers.ts';
import { isWebPage, webPage } from '../errors/proxy-refusals.ts';
import type { TransportResponse } from '../transport/transport.ts';
import { noEtag } from './head.ts';
import type { RangeTarget } from './range-target.ts';

type Headed = Pick<TransportResponse, 'headers'>;

/** A range whose response was found to be the requested one. */
export interface Received {
  readonly length: number;
  readonly start: number;
  readonly sizeBytes: number;
  readonly etag: string;
  readonly modifiedMs: number | undefined;
}

/** Returns whether the response is that of an object without bytes: 200 (AWS, Swift), or 206 with a range of -1 (MinIO). */
export function isEmptyObject({ headers }: Headed): boolean {
  const { 'content-range': range, 'content-length': length } = headers;
  return range === undefined ? Number(length) === 0 : /^bytes 0--1\/0$/.test(range);
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
export function parseFirstResponse({ headers }: Headed, name: string, range: ByteRange): Received {
  const { 'content-type': type, 'content-range': contentRange, 'content-length': contentLength } = headers;
  const [, ...numbers] = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/.exec(contentRange ?? '') ?? [];
  const [start, last, sizeBytes] = numbers.map(Number);
  const etag = bareEtag(headers.etag);
  const length = start === undefined || last === undefined ? undefined : last - start + 1;
  if (
    start === undefined ||
    length === undefined ||
    sizeBytes === undefined ||
    // A reverse proxy that sends the body in chunks sends no length
    (contentLength !== undefined && Number(contentLength) !== length) ||
    !isRequested(range, start, length, sizeBytes)
  ) {
    if (isWebPage(type)) throw webPage(name);
    throw rangesNotServed(name, rangeHeader(range), describeRange(contentRange, contentLength));
  }
  if (etag === undefined) throw noEtag(name, type);
  const modifiedMs = knownTime(Date.parse(headers['last-modified'] ?? ''));
  return { length, start, sizeBytes, etag, modifiedMs };
}

/** Returns whether this is the requested range: its length becomes memory. */
function isRequested(range: ByteRange, start: number, length: number, sizeBytes: number): boolean {
  const wanted = spanOf(range, sizeBytes);
  return start === wanted.start && start + length === wanted.end;
}

/** Checks that the response to a continuation begins where the last one broke off. */
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
