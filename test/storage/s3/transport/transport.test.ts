import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { bodyOf, md5Of } from '../../../../src/storage/s3/transport/transport.ts';

const KiB = 1024;

test('a body has the bytes of its pieces in order, in slices of at most 256 KiB', async () => {
  const pieces = [Buffer.alloc(600 * KiB, 'a'), Buffer.alloc(0), Buffer.from('b')];
  const sent: number[] = [];
  expect(Buffer.concat(pieces).equals(await buffer(bodyOf(pieces, bytes => sent.push(bytes))))).toBe(true);
  expect(sent).toEqual([256 * KiB, 256 * KiB, 88 * KiB, 1]);
});

test('a slice does not count as sent before it is read', async () => {
  const sent: number[] = [];
  const pieces = [new Uint8Array(256 * KiB), new Uint8Array(256 * KiB)];
  const body = bodyOf(pieces, bytes => sent.push(bytes));
  await once(body, 'readable');
  expect(sent).toEqual([]);
  await buffer(body);
  expect(sent).toEqual([256 * KiB, 256 * KiB]);
});

test('the MD5 is that of all pieces together', () => {
  const pieces = [Buffer.from('he'), Buffer.from('llo')];
  expect(md5Of(pieces, 'hex')).toBe('5d41402abc4b2a76b9719d911017c592');
  expect(md5Of(pieces, 'base64')).toBe('XUFAKrxLKna5cZ2REBfFkg==');
});
