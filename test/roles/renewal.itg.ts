import http from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { cachesRoot } from '../../src/cache/keys/cache-names.ts';
import { policyScript } from '../../src/command/policy/script.ts';
import { openStore } from '../storage/s3/support.ts';
import { Bucket } from '../support/gateway/bucket.ts';
import { type RoleGateway, startRoleGateway } from '../support/gateway/role-gateway.ts';
import { type LocalServer, listen } from '../support/servers/listen.ts';
import { startTokenService, type TokenService } from '../support/servers/token-service.ts';
import { arnOf, claimsOf, policyOptions, REPOSITORY, RUNS } from './runs.ts';

/** A save that takes longer than the session of its role, on a real gateway whose sessions are short. */

const SESSION_SECONDS = 5;
const PART_BYTES = 5 * 1024 * 1024;

let roles: RoleGateway;
let bucket: Bucket;
let tokens: TokenService;
let sts: LocalServer;

beforeAll(async () => {
  roles = await startRoleGateway({ 'rgw sts min session duration': String(SESSION_SECONDS) });
  bucket = await Bucket.create(roles.gateway, 'renewal');
  await roles.runScript(policyScript({ ...policyOptions(roles, bucket.name), kinds: ['main'] }));
  tokens = await startTokenService(aud => roles.issuer.tokenWith({ ...claimsOf(RUNS[0]!), aud }));
  // The action requests no duration: this server in front of the STS adds one
  sts = await listen(
    http.createServer(async (from, to) => {
      const form = new URLSearchParams(await text(from));
      form.set('DurationSeconds', String(SESSION_SECONDS));
      const answer = await fetch(roles.gateway.endpoint, { method: 'POST', body: form });
      to.writeHead(answer.status).end(await answer.text());
    }),
  );
  for (const [name, value] of Object.entries(tokens.environment)) vi.stubEnv(name, value);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await sts?.close();
  await tokens?.close();
  bucket?.close();
  await roles?.stop();
});

it('an upload that outlives two sessions takes the role again, with a new token each time, and is stored', async () => {
  const { endpoint, region } = roles.gateway;
  const role = {
    arn: arnOf('main'),
    input: 'role-to-assume-for-save',
    audience: 'sts.amazonaws.com',
    stsEndpoint: new URL(sts.endpoint),
  } as const;
  const name = `${cachesRoot('cache-s3', REPOSITORY, 'refs/heads/main')}long`;
  const store = openStore({
    endpoint: new URL(endpoint),
    region,
    bucket: bucket.name,
    credentials: undefined,
    role,
  });
  try {
    const upload = store.createUpload(name, { onlyIfAbsent: false, partSizeBytes: PART_BYTES });
    for (let part = 0; part < 3; part++) {
      if (part > 0) await delay((SESSION_SECONDS + 1) * 1000);
      await upload.write(Buffer.alloc(PART_BYTES, part));
      // The part is sent before the session ends
      expect(await store.head(`${name}-${part}`)).toBeUndefined();
    }
    await upload.complete();
  } finally {
    store.close();
  }
  expect(tokens.audiences.length).toBeGreaterThanOrEqual(3);
  expect((await bucket.read(name)).length).toBe(3 * PART_BYTES);
});
