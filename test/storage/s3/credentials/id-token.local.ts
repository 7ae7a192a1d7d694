import type { ServerResponse } from 'node:http';
import { expect, test, vi } from 'vitest';
import { hostile } from '../../../support/servers/hostile-socket.ts';
import { closedEndpoint } from '../../../support/servers/listen.ts';
import { fastClock, useRoleServers } from './role-servers.ts';

const servers = useRoleServers();

test('a token service that is down causes no request to the bucket', async () => {
  vi.stubEnv('ACTIONS_ID_TOKEN_REQUEST_URL', `${await closedEndpoint()}/token?x=1`);
  expect((await servers.failureOf()).message).toBe(
    "the runner's service returned no OIDC token: ECONNREFUSED",
  );
});

test('the error of a token service that refuses the job names the permission', async () => {
  vi.stubEnv('ACTIONS_ID_TOKEN_REQUEST_TOKEN', 'other');
  expect(await servers.failureOf()).toMatchObject({
    settings: ["the permission 'id-token: write'"],
    message: "the runner's service refuses an OIDC token to this job (401)",
  });
});

// After the others, which have loaded the client: the clock is fast
test.each<[string, (to: ServerResponse) => unknown, string]>([
  ['fails', to => to.writeHead(500).end(), '500'],
  ['refuses', to => to.writeHead(404).end(), '404'],
  ['resets the connection', to => to.socket?.resetAndDestroy(), 'ECONNRESET'],
  [
    'switches protocols',
    hostile.switchProtocols,
    'the server switches protocols (101), which was not requested',
  ],
  ['sends a body without end', hostile.endless, 'the response is longer than 131072 bytes'],
  ['sends no JSON', to => to.end('<a/>'), 'the response has no token'],
  ['sends a number', to => to.end('{"value":7}'), 'the response has no token'],
  ['sends a command', to => to.end('{"value":"a.b.c\\n::set-env"}'), 'the response has no token'],
  ['does not respond', () => {}, 'not finished within 10 s'],
  ['stays busy', to => to.writeHead(503).end('::warning::x'), 'not finished within 10 s'],
])('a token service that %s causes no request to the bucket', async (_, answer, reason) => {
  servers.onToken = (_audience, to) => void answer(to);
  const error = await servers.failureOf({}, { clock: fastClock });
  expect(error).toMatchObject({
    name: 'RoleError',
    message: `the runner's service returned no OIDC token: ${reason}`,
  });
  expect([servers.exchanges, servers.calls]).toEqual([[], []]);
});
