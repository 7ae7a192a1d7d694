import { expect, test } from 'vitest';
import { isMissing, isStatus, ResponseError } from '../../../../src/storage/s3/errors/response-error.ts';

/** The refusal with this body. */
const refused = (text?: string) => new ResponseError({ status: 403, headers: {} }, text);

test('a refusal has the code of its body and the clock of its server', () => {
  const headers = { date: 'Sat, 01 Aug 2026 10:00:00 GMT' };
  expect(new ResponseError({ status: 404, headers }, '<Code> NoSuchKey\n</Code>')).toMatchObject({
    status: 404,
    code: 'NoSuchKey',
    dateMs: Date.UTC(2026, 7, 1, 10),
  });
  expect(refused().dateMs).toBeUndefined();
});

test.each(['<![CDATA[NoSuchKey]]>', '\n <![CDATA[ NoSuchKey ]]>\n'])('the code of %j is read', element => {
  expect(refused(`<Code>${element}</Code>`).code).toBe('NoSuchKey');
});

test('a code is searched in linear time', () => {
  expect(refused(`<Code>${' '.repeat(60_000)}<![CDATA[`.repeat(2)).code).toBeUndefined();
});

test.each([
  '',
  '403',
  'Forbidden',
  'UnknownError',
  'a\n::error::b',
  'x'.repeat(65),
  'AKIAIOSFODNN7EXAMPLE',
  '<b/>',
])('the text %j is not the code of a refusal', code => {
  expect(refused(`<Code>${code}</Code>`).code).toBeUndefined();
});

test('isStatus accepts only a response, and only with one of the statuses', () => {
  expect(isStatus(refused(), 401, 403)).toBe(true);
  expect(isStatus(refused(), 404)).toBe(false);
  expect(isStatus(Object.assign(new Error(), { status: 403 }), 403)).toBe(false);
});

test.each([
  [404, 'NoSuchKey', true],
  [404, undefined, true],
  [404, 'NoSuchBucket', false],
  [404, 'NoSuchUpload', false],
  [403, 'NoSuchKey', false],
])('a response %i %s means that there is no such object: %s', (status, code, missing) => {
  expect(isMissing(new ResponseError({ status, headers: {} }, `<Code>${code ?? ''}</Code>`))).toBe(missing);
});

test.each([
  ['<Error><Message>Access\n  is denied</Message></Error>', ': "Access is denied"'],
  ['<Message>say "no"</Message>', ': "say \\"no\\""'],
  [`<Message>${'x'.repeat(300)}</Message>`, `: "${'x'.repeat(200)}..."`],
  [`<Message>${'x'.repeat(3000)}</Message>`, ''],
  ['<Message> </Message>', ''],
  ['<Code>AccessDenied</Code>', ''],
  [undefined, ''],
])('the message in a body is shown as one short line: %#', (body, shown) => {
  expect(refused(body).quotedMessage).toBe(shown);
});

test('a secret in the message of a server is not shown', () => {
  const { quotedMessage } = refused('<Message>bad key AKIAIOSFODNN7EXAMPLE</Message>');
  expect(quotedMessage).toBe(': "bad key ***"');
});
