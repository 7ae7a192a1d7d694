import { expect, test } from 'vitest';
import { messageOf, refusedResponse } from '../../../../src/storage/s3/errors/refused-response.ts';

/** An error as the SDK throws it, with this body. */
const refused = (body: unknown, headers = { 'x-id': '1' }) => ({
  $response: { statusCode: 403, headers, body },
});

test('the response of a refused call is that which the SDK has attached to its error', () => {
  const expected = { status: 403, headers: { 'x-id': '1' }, text: '<Code>X</Code>' };
  expect(refusedResponse(refused('<Code>X</Code>'))).toEqual(expected);
  expect(refusedResponse(refused(Buffer.from('<Code>X</Code>')))).toEqual(expected);
});

test.each([[undefined], [null], ['text'], [new Error('reset')], [{ $response: {} }]])(
  'the error %o has no response',
  error => {
    expect(refusedResponse(error)).toBeUndefined();
  },
);

test.each([
  ['<Error><Message>Access\n  is denied</Message></Error>', ': "Access is denied"'],
  ['<Message>say "no"</Message>', ': "say \\"no\\""'],
  [`<Message>${'x'.repeat(300)}</Message>`, `: "${'x'.repeat(200)}..."`],
  [`<Message>${'x'.repeat(3000)}</Message>`, ''],
  ['<Message> </Message>', ''],
  ['<Code>AccessDenied</Code>', ''],
  [undefined, ''],
])('the message in a body is shown as one short line: %#', (body, shown) => {
  expect(messageOf(refused(body))).toBe(shown);
});

test('a secret in the message of a server is not shown', () => {
  expect(messageOf(refused('<Message>bad key AKIAIOSFODNN7EXAMPLE</Message>'))).toBe(': "bad key ***"');
});
