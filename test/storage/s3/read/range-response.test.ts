import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import {
  checkContinuation,
  isEmptyObject,
  parseFirstResponse,
} from '../../../../src/storage/s3/read/range-response.ts';
import type { RangeTarget } from '../../../../src/storage/s3/read/range-target.ts';
import {
  ObjectReplacedError,
  StoreRefusedError,
  StoreUnavailableError,
} from '../../../../src/storage/store-errors.ts';

function output(headers: Readonly<Record<string, string>>) {
  const body = Readable.from([]);
  return { status: 206, reason: undefined, headers: { etag: '"e"', ...headers }, body };
}

describe('the first response to a range', () => {
  test.each([
    ['a range', { start: 10, end: 20 }, 'bytes 10-19/100', 10, 10],
    ['a range that the end of the object cuts', { start: 90, end: 120 }, 'bytes 90-99/100', 90, 10],
    ['a suffix', { suffix: 30 }, 'bytes 70-99/100', 70, 30],
    ['a suffix that is longer than the object', { suffix: 300 }, 'bytes 0-99/100', 0, 100],
  ])('is accepted for %s, with and without a length', (_, range, contentRange, start, length) => {
    const expected = { start, length, sizeBytes: 100, etag: 'e', modifiedMs: undefined };
    const bare = output({ 'content-range': contentRange });
    expect(parseFirstResponse(bare, 'x', range)).toEqual(expected);
    const whole = output({ 'content-range': contentRange, 'content-length': String(length) });
    expect(parseFirstResponse(whole, 'x', range)).toEqual(expected);
  });

  test.each([
    ['is of another start', { 'content-range': 'bytes 0-9/100' }],
    ['is longer', { 'content-range': 'bytes 10-29/100' }],
    ['ends before it begins', { 'content-range': 'bytes 10-4/5' }],
    ['has another length than its range', { 'content-range': 'bytes 10-19/100', 'content-length': '11' }],
    ['has no range', { 'content-length': '100' }],
    ['has a range of no known size', { 'content-range': 'bytes 10-19/*' }],
  ])('that %s is refused, because its length would become memory', (_, headers) => {
    const parse = () => parseFirstResponse(output(headers), 'x', { start: 10, end: 20 });
    expect(parse).toThrow(StoreUnavailableError);
    expect(parse).toThrow('does not serve ranges (requested bytes=10-19, got ');
  });

  test.each([
    ['neither a range nor a length', {}, 'got no range)'],
    ['only a length', { 'content-length': '100' }, 'got 100 bytes)'],
    ['only the start of a range', { 'content-range': 'bytes 10-' }, 'got bytes 10-)'],
  ])('that has %s is refused with what it has', (_, headers, got) => {
    expect(() => parseFirstResponse(output(headers), 'x', { start: 10, end: 20 })).toThrow(got);
  });

  test('that is a web page is refused with the endpoint as its cause', () => {
    const page = output({ 'content-type': 'text/html; charset=utf-8', 'content-length': '5' });
    expect(() => parseFirstResponse(page, 'x', { start: 0, end: 5 })).toThrow(StoreRefusedError);
  });

  test('without an ETag is refused', () => {
    const headers = { 'content-range': 'bytes 0-4/5', etag: '' };
    expect(() => parseFirstResponse(output(headers), 'x', { start: 0, end: 5 })).toThrow('has no ETag');
  });
});

test.each([
  ['a whole response of no bytes', { 'content-length': '0' }, true],
  ['the range of MinIO for an empty object', { 'content-range': 'bytes 0--1/0' }, true],
  ['a whole response of one byte', { 'content-length': '1' }, false],
  ['a range of one byte', { 'content-range': 'bytes 0-0/1', 'content-length': '1' }, false],
])('%s is recognised as that of an empty object: %s', (_, headers, isEmpty) => {
  expect(isEmptyObject(output(headers))).toBe(isEmpty);
});

describe('the response to a continuation', () => {
  const received = { start: 10, length: 10, sizeBytes: 100, etag: 'e', modifiedMs: 0 };
  const target = { filled: 4 } as RangeTarget;
  const check = (headers: Readonly<Record<string, string>>) => () =>
    checkContinuation(received, target, output(headers), 'x');

  test('is accepted from the byte on at which the first one broke off', () => {
    expect(check({ 'content-range': 'bytes 14-19/100', etag: 'W/"e"' })).not.toThrow();
  });

  test('without a range is refused', () => {
    expect(check({})).toThrow('requested bytes 14-19, got no range');
  });

  test('is refused as that of a replaced object if its ETag differs', () => {
    expect(check({ 'content-range': 'bytes 14-19/100', etag: '"f"' })).toThrow(ObjectReplacedError);
  });

  test.each(['bytes 10-19/100', 'bytes 14-19/101', 'bytes 14-99/100'])(
    'of the range %s is refused',
    contentRange => {
      expect(check({ 'content-range': contentRange })).toThrow('requested bytes 14-19, got ');
    },
  );
});
