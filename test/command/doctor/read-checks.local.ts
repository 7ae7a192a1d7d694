import { expect, test } from 'vitest';
import type { Takeover } from '../../support/servers/memory-server.ts';
import { findingOf, findingsOf, named } from './findings-of.ts';

/** Answers a GET by the first ten bytes of any object. */
const whole =
  (status: number, body = '0123456789'): Takeover =>
  (_, to) =>
    void to.writeHead(status, { etag: '"e"', 'content-length': body.length }).end(body);

test('doctor reports a reverse proxy that strips ETags, and what lets them pass', async () => {
  const { findings } = await findingsOf({
    takeover: operation =>
      operation === 'PutObject' ? (from, to) => void from.resume().on('end', () => to.end()) : undefined,
  });
  expect(findingOf(findings, 'ETag')).toMatchObject({
    result: 'failed',
    fix: expect.stringContaining('pass the header ETag'),
  });
});

test('doctor reports a reverse proxy that sends no length of an object', async () => {
  const { findings } = await findingsOf({ quirks: { chunked: true } });
  expect(named(findings, 'limited')).toEqual(['head']);
  expect(findingOf(findings, 'head')?.found).toBe('The response to HEAD has no length.');
});

test('doctor reports a server that refuses suffixes which are longer than the object', async () => {
  const { findings } = await findingsOf({ quirks: { strictSuffix: true } });
  expect(named(findings, 'limited')).toEqual(['ranges']);
  expect(findingOf(findings, 'ranges')).toMatchObject({
    found: 'The response to a suffix longer than the object is 416.',
    meaning: 'each exact hit takes one more request.',
  });
});

test.each([
  ['all of the object in place of a range', whole(200), '200 with 10 bytes'],
  ['more than the range', whole(206, '0123456789a'), '206 with 11 bytes'],
])('doctor reports a server that returns %s', async (_, answer, found) => {
  const { findings } = await findingsOf({
    takeover: operation => (operation === 'GetObject' ? answer : undefined),
  });
  expect(named(findings, 'failed')).toEqual(['ranges']);
  expect(findingOf(findings, 'ranges')?.found).toBe(`The response to a range of 10 bytes was ${found}.`);
});

test('doctor reports credentials that may write and not read', async () => {
  const { findings } = await findingsOf({
    refuses: operation => (/^(?:Get|Head)Object$/.test(operation) ? 403 : undefined),
  });
  expect(named(findings, 'failed')).toEqual(['head', 'get']);
  expect(findingOf(findings, 'get')).toMatchObject({
    meaning: 'jobs with these credentials cannot restore caches.',
    fix: 'allow s3:GetObject on arn:aws:s3:::bucket/cache-s3/v1/* in the policy of the credentials or the bucket.',
  });
});

test('doctor skips the checks of reads where it can store no object and finds none', async () => {
  const { findings } = await findingsOf({
    refuses: operation => (operation === 'PutObject' ? 403 : undefined),
  });
  expect(named(findings, 'skipped')).toEqual(['head', 'get', 'ranges', 'multipart', 'copy', 'uploads']);
});
