import { expect, test } from 'vitest';
import { readTokenScopes } from '../../../src/action/run/token.ts';

const tokenOf = (claims: unknown) =>
  `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.signature`;
const tokenWith = (scopes: unknown) => tokenOf({ ac: JSON.stringify(scopes) });

test('the scopes are those of the ac claim, with the rights of their bits', () => {
  const token = tokenWith([
    { Scope: 'refs/heads/main', Permission: 1 },
    { Scope: 'refs/heads/lent', Permission: 2 },
    { Scope: 'refs/pull/7/merge', Permission: 3 },
  ]);
  expect(readTokenScopes(token)).toEqual([
    { ref: 'refs/heads/main', mayRead: true, mayWrite: false },
    { ref: 'refs/heads/lent', mayRead: false, mayWrite: true },
    { ref: 'refs/pull/7/merge', mayRead: true, mayWrite: true },
  ]);
});

test('an empty list of scopes is a claim that gives no right', () => {
  expect(readTokenScopes(tokenWith([]))).toEqual([]);
});

test.each([
  ['there is no token', undefined],
  ['the token is not a JWT', 'opaque'],
  ['its body is not base64', 'a.%%%.c'],
  ['it has no ac claim', tokenOf({})],
  ['the claim is not a list', tokenOf({ ac: '{}' })],
  ['the claim is not JSON', tokenOf({ ac: '[' })],
  ['the claim is not a string', tokenOf({ ac: [{ Scope: 'refs/heads/a', Permission: 3 }] })],
  ['the body is null', tokenOf(null)],
  ['no scope names a ref, as in Gitea and Forgejo', tokenWith([{ Scope: '', Permission: 2 }])],
])('there are no scopes if %s', (_, token) => {
  expect(readTokenScopes(token)).toBeUndefined();
});

test.each([
  ['is longer than 64 kB', `e30.${'A'.repeat(64 * 1024)}.s`],
  ['has a claim nested 5,000 levels deep', tokenOf({ ac: `${'['.repeat(5000)}${']'.repeat(5000)}` })],
  [
    'has scopes that are no full refs',
    tokenWith([
      { Scope: '_', Permission: 3 },
      { Scope: 'main', Permission: 3 },
    ]),
  ],
  ['has a ref with a line break', tokenWith([{ Scope: 'refs/heads/a\n::error::b', Permission: 3 }])],
  ['has a ref of 2,000 characters', tokenWith([{ Scope: `refs/heads/${'a'.repeat(2000)}`, Permission: 3 }])],
])('there are no scopes if the token %s', (_, token) => {
  expect(readTokenScopes(token)).toBeUndefined();
});

test('at most ten scopes are read', () => {
  const scopes = Array.from({ length: 500 }, (_, index) => ({ Scope: `refs/heads/${index}`, Permission: 3 }));
  expect(readTokenScopes(tokenWith(scopes))?.map(({ ref }) => ref)).toEqual(
    Array.from({ length: 10 }, (_, index) => `refs/heads/${index}`),
  );
});

test('a line of the claim without a ref or without rights is ignored', () => {
  const token = tokenWith([
    null,
    { Scope: 1 },
    { Scope: 'refs/heads/b' },
    { Scope: 'refs/heads/a', Permission: 3 },
  ]);
  expect(readTokenScopes(token)).toEqual([{ ref: 'refs/heads/a', mayRead: true, mayWrite: true }]);
});
