import { expect, test } from 'vitest';
import { TOKEN_SERVICE_KEY } from '../support/servers/token-service.ts';
import { secretProblem } from './checks.ts';

const scene = { gateway: { secretKey: 'the-secret-key' } };
const clean = { stdout: 'Cache saved', outputs: {}, state: {}, env: {}, summary: '', masks: ['session-key'] };

test('a phase without a secret in its output passes, although it has masked some', () => {
  expect(secretProblem(scene, clean)).toBeUndefined();
});

test.each([
  ['the secret key', { stdout: 'the-secret-key' }],
  ['a key that the phase has masked, in its state', { state: { a: 'x session-key y' } }],
  ['a token', { outputs: { 'cache-matched-key': 'eyJhbGciOiJSUzI1NiJ9.e30.c2ln' } }],
  ['the key of the token service', { env: { TOKEN: TOKEN_SERVICE_KEY } }],
  ['a masked key in the summary', { summary: 'session-key' }],
])('a phase that writes %s is found', (_, leak) => {
  expect(secretProblem(scene, { ...clean, ...leak })).toBe('a secret is in the output');
});
