import { describe, expect, test } from 'vitest';
import { createRunnerLog } from '../../../../src/action/runner/runner.ts';
import type { StoreRefusedError } from '../../../../src/storage/store-errors.ts';
import { captureStdout } from '../../../support/capture-stdout.ts';
import { hostile } from '../../../support/servers/hostile-socket.ts';
import { settingsToCheck } from '../../../support/settings-to-check.ts';
import {
  CLAIMS,
  denied,
  fastClock,
  keysFor,
  ROLE,
  SECRET,
  SHOWN,
  type StsAnswer,
  tokenOf,
  useRoleServers,
} from '../credentials/role-servers.ts';

const servers = useRoleServers();
const stdout = captureStdout();

const stsError = (code: string) =>
  `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>No provider for ${tokenOf(CLAIMS)}</Message></Error></ErrorResponse>`;

describe('a role that the run does not get', () => {
  test('because of its policy is explained by the claims of the token', async () => {
    servers.onExchange = to => to.writeHead(403).end(denied);
    expect(await servers.failureOf()).toMatchObject({
      name: 'PolicyRefusedError',
      settings: [{ input: 'role-to-assume' }],
      message: `STS at ${servers.gateway.endpoint}: this run may not assume the role ${ROLE} (403 AccessDenied): its trust policy does not fit the token, there is no such role, there is no provider for iss or it does not accept aud, the token has expired by the clock of the STS, or the STS is turned off; the token has ${SHOWN}`,
    });
    expect(servers.calls).toEqual([]);
  });

  test.each<[string, number, string, string, string]>([
    [
      'the audience',
      400,
      stsError('InvalidIdentityToken'),
      "the input 'audience'",
      'it does not accept the token: the audience does not fit, or the provider of the token is not set up (400 InvalidIdentityToken)',
    ],
    [
      'an expired token',
      400,
      stsError('ExpiredTokenException'),
      'the clock of the STS',
      'the token has expired (400 ExpiredTokenException)',
    ],
    ['a server without an STS', 405, '', "the input 'sts-endpoint'", 'it is not an STS (405)'],
    [
      'a redirect',
      302,
      '',
      "the input 'sts-endpoint'",
      'it redirects to another URL, to which the token is not sent (302)',
    ],
  ])('because of %s is explained by the setting', async (_, status, body, setting, reason) => {
    servers.onExchange = to =>
      to.writeHead(status, { location: `${servers.tokens.endpoint}/token` }).end(body);
    const failure = await servers.failureOf();
    expect(settingsToCheck(failure as StoreRefusedError)).toBe(setting);
    expect(failure).toMatchObject({
      name: 'RoleError',
      message: `STS at ${servers.gateway.endpoint}: ${reason}; the token has ${SHOWN}`,
    });
    expect(servers.exchanges).toHaveLength(1);
    expect(servers.calls).toEqual([]);
  });

  test('because the STS does not accept it names the input that sets it', async () => {
    servers.onExchange = to => to.writeHead(400).end(stsError('ValidationError'));
    const input = 'role-to-assume-for-save';
    expect(await servers.failureOf({ role: { ...servers.role(), input } })).toMatchObject({
      name: 'RoleError',
      settings: [{ input: 'role-to-assume-for-save' }],
      message: `STS at ${servers.gateway.endpoint}: it does not accept the role (400 ValidationError); the token has ${SHOWN}`,
    });
  });

  test('is explained by claims that are cut, have no secrets and are printed on one line', async () => {
    const jwt = tokenOf({ a: 'b' });
    servers.onToken = () =>
      tokenOf({
        iss: 'x'.repeat(5000),
        sub: `repo:o/r\n::warning::forged\u001b[2J`,
        ref: `token=${jwt}`,
        repository_id: { toString: 'x' },
        event_name: ['push'],
      });
    servers.onExchange = to => to.writeHead(403).end(denied);
    const { message } = await servers.failureOf();
    expect(message).toContain(`iss=${'x'.repeat(200)}, sub=repo:o/r`);
    expect(message).toContain('ref=token=***');
    expect(message).not.toContain(jwt);
    expect(message.length).toBeLessThan(1200);
    const { length } = stdout.written;
    createRunnerLog({}).info(message);
    const [line, ...rest] = stdout.written.slice(length).split('\n');
    expect(line).toContain(String.raw`sub=repo:o/r\n::warning::forged\x1b[2J, `);
    expect(rest).toEqual(['']);
  });

  test('by a token without a known claim is explained by the names of the missing ones', async () => {
    servers.onToken = () => tokenOf({ actor: 'other' });
    servers.onExchange = to => to.writeHead(403).end(denied);
    expect((await servers.failureOf()).message).toMatch(
      /; the token has none of the claims iss, aud, sub, repository_id, ref, event_name, environment$/,
    );
  });

  test.each<[string, StsAnswer, string]>([
    ['fails', to => to.writeHead(500).end(), '500'],
    ['resets the connection', to => to.socket?.resetAndDestroy(), 'ECONNRESET'],
    [
      'switches protocols',
      hostile.switchProtocols,
      'the server switches protocols (101), which was not requested',
    ],
    ['sends a body without end', hostile.endless, 'the response is longer than 65536 bytes'],
    [
      'sends a web page',
      to => to.end('<!doctype html>'),
      'the response is a web page, so this is no S3 server',
    ],
    ['sends another document', to => to.end('<a/>'), 'the response has no keys'],
    ['sends no document', to => to.end('{}'), 'the response has no keys'],
    [
      'sends keys that are words',
      to => to.end(keysFor(60).replace(SECRET, 'true')),
      'the response has no keys',
    ],
    ['sends a key id of two lines', to => to.end(keysFor(60, 'id\nX-Evil: 1')), 'the response has no keys'],
    ['sends an endless key id', to => to.end(keysFor(60, 'x'.repeat(200))), 'the response has no keys'],
    ['quotes the token as its code', to => to.writeHead(400).end(stsError(tokenOf(CLAIMS))), '400'],
    ['does not respond', () => {}, 'not finished within 10 s'],
  ])('because the STS %s causes no request to the bucket', async (_, answer, reason) => {
    servers.onExchange = answer;
    const store = servers.open({}, { clock: fastClock });
    const error = (await store.head('x').catch(error => error)) as Error;
    store.close();
    expect(error).toMatchObject({
      name: 'RoleError',
      message: `STS at ${servers.gateway.endpoint}: ${reason}`,
    });
    expect(servers.calls).toEqual([]);
    expect(servers.masked).not.toContain('true');
  });
});
