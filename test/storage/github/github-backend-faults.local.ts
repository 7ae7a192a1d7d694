import { rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Behaviour } from '../../support/github/cache-service.ts';
import { sendEndless } from '../../support/github/cache-service.ts';
import { UPGRADE } from '../../support/servers/hostile-socket.ts';
import { type LocalServer, listen } from '../../support/servers/listen.ts';
import { buildTree, describeTree } from '../../support/tree.ts';
import { saveTwoFiles, useGitHub } from './fixture.ts';
import { SHORT_LIMITS } from './short-limits.ts';

const github = useGitHub();

const unavailable = (message: string) => ({ kind: 'unavailable', source: 'github', error: { message } });
const refused = (message: unknown) => ({ kind: 'refused', source: 'github', error: { message } });

describe('an outage of the service', () => {
  it.each<[string, Behaviour, string]>([
    [
      'with status 503',
      { status: 503 },
      "GitHub's cache did not respond within 1 s (last attempt: Failed request: (503) Service Unavailable: try again later)",
    ],
    ['by silence', 'silent', "GitHub's cache did not respond within 1 s"],
    ['with status 101', 'upgrade', "GitHub's cache responded with 101 Switching Protocols"],
    ['with a body without end', 'endless', "GitHub's cache responded with more than 1048576 bytes"],
  ])('%s is neither a miss nor a taken key', async (_, behaviour, message) => {
    github.service.behave(behaviour);
    const { log, lookup, restore, save } = github.open(SHORT_LIMITS);
    await buildTree(github.tree, { a: 'a' });
    await Promise.all([
      expect(restore()).resolves.toMatchObject(unavailable(message)),
      expect(lookup()).resolves.toMatchObject(unavailable(message)),
      expect(save()).resolves.toMatchObject(unavailable(message)),
    ]);
    expect(log.shown).toEqual([]);
  });

  it('by a closed port is neither a miss nor a taken key', async () => {
    await buildTree(github.tree, { a: 'a' });
    const { lookup, save } = github.open();
    vi.stubEnv('ACTIONS_RESULTS_URL', 'http://127.0.0.1:9/');
    const message = (method: string) =>
      `GitHub's cache did not respond: Failed to ${method}: Unable to make request: ECONNREFUSED`;
    expect(await lookup()).toMatchObject(unavailable(message('GetCacheEntryDownloadURL')));
    expect(await save()).toMatchObject(unavailable(message('CreateCacheEntry')));
  });
});

it('a proxy that does not respond counts as the service, not as a transfer', async () => {
  await using proxy = await listen(createServer().on('connect', () => {}));
  vi.stubEnv('ACTIONS_RESULTS_URL', 'https://results.invalid/');
  vi.stubEnv('https_proxy', proxy.endpoint);
  const { lookup } = github.open(SHORT_LIMITS);
  expect(await lookup()).toMatchObject(unavailable("GitHub's cache did not respond within 1 s"));
});

describe('a refusal of the service', () => {
  it('by policy has the text of the service', async () => {
    github.service.behave('denied');
    await buildTree(github.tree, { a: 'a' });
    const { lookup, save } = github.open();
    expect(await lookup()).toMatchObject(
      refused(
        "GitHub's cache refused the request: Failed to GetCacheEntryDownloadURL: Failed request: (403) Forbidden: cache read denied: no readable scopes",
      ),
    );
    expect(await save()).toMatchObject(
      refused("GitHub's cache refused the request: cache write denied: read-only token"),
    );
  });

  it('with status 401 is not a miss', async () => {
    github.service.behave({ status: 401, message: 'bad token' });
    const { lookup } = github.open();
    expect(await lookup()).toMatchObject(
      refused(
        "GitHub's cache refused the request: Failed to GetCacheEntryDownloadURL: Failed request: (401) Unauthorized: bad token",
      ),
    );
  });

  it('by quota is named as such', async () => {
    github.service.behave({ status: 403, message: 'insufficient usage to write' });
    await buildTree(github.tree, { a: 'a' });
    const { save } = github.open();
    expect(await save()).toMatchObject(
      refused(
        expect.stringMatching(/^GitHub's cache refused the request: .*Cache storage quota has been hit/),
      ),
    );
  });

  it('to reserve a key for another reason is not a taken key', async () => {
    github.service.behave({ notOk: 'the repository is archived' });
    await buildTree(github.tree, { a: 'a' });
    const { save } = github.open();
    expect(await save()).toMatchObject(
      unavailable("GitHub's cache could not be used: the repository is archived"),
    );
  });
});

describe('a cache mode that the client obeys', () => {
  it('is a refusal, since the service was not requested', async () => {
    vi.stubEnv('ACTIONS_CACHE_MODE', 'None');
    await buildTree(github.tree, { a: 'a' });
    const { lookup, save } = github.open();
    const skipped = (op: string, what: string) =>
      refused(
        `GitHub's cache refused the request: Cache ${op} skipped: the effective cache-mode 'none' does not permit ${what}.`,
      );
    expect(await lookup()).toMatchObject(skipped('restore', 'reads'));
    expect(await save()).toMatchObject(skipped('save', 'writes'));
    expect(github.service.calls).toEqual([]);
  });
});

describe('a blob store', () => {
  let server: LocalServer;
  let respond: (request: IncomingMessage, response: ServerResponse) => void;

  beforeEach(async () => {
    server = await listen(createServer((request, response) => respond(request, response)));
  });

  afterEach(() => server.close());

  const signedUrl = () => `${server.endpoint}/caches/blob?sig=abc`;

  /** Restores an entry whose download goes to `server`, and expects that nothing of it is written. */
  async function expectFailingRestore(message: string): Promise<void> {
    await saveTwoFiles(github, 'deps-1');
    await rm(github.tree, { recursive: true });
    github.signedUrl = signedUrl;
    const { log, restore } = github.open(SHORT_LIMITS);
    expect(await restore({ primaryKey: 'deps-1' })).toMatchObject(unavailable(message));
    expect(await describeTree(github.workspace)).toEqual({});
    expect(log.shown).toEqual([]);
  }

  async function expectFailingSave(message: string): Promise<void> {
    await buildTree(github.tree, { a: 'a' });
    github.signedUrl = signedUrl;
    const { save } = github.open(SHORT_LIMITS);
    expect(await save()).toMatchObject(unavailable(message));
    expect(github.service.entries[0]?.sizeBytes).toBeUndefined();
  }

  it('that is silent in the middle of a download ends the restore', async () => {
    respond = (_, response) => {
      response.writeHead(200, { 'content-length': 10_000_000 });
      response.write(Buffer.alloc(100_000));
    };
    await expectFailingRestore(
      "GitHub's cache did not respond: less than 65536 bytes were transferred within 1 s",
    );
  });

  it('that is silent in an upload ends the save', async () => {
    respond = () => {};
    await expectFailingSave(
      "GitHub's cache did not respond: less than 65536 bytes were transferred within 1 s",
    );
  });

  it('that responds to a download with status 101 ends the restore', async () => {
    respond = (_, response) => response.socket?.write(UPGRADE);
    await expectFailingRestore("GitHub's cache responded with 101 Switching Protocols");
  });

  it('that refuses a download ends the restore, and its response is not unpacked', async () => {
    respond = (_, response) => response.writeHead(403).end('<Error/>');
    await expectFailingRestore("GitHub's cache refused the download with 403 Forbidden");
  });

  it('that sends an archive without end ends the restore', async () => {
    respond = (_, response) => sendEndless(response);
    await expectFailingRestore("GitHub's cache sent an archive of more than 10000000 bytes");
  });

  it('that states an archive larger than any that is stored ends the restore', async () => {
    respond = (_, response) => {
      response.setHeader('content-length', 10 ** 13);
      sendEndless(response);
    };
    await expectFailingRestore("GitHub's cache sent an archive of more than 10000000 bytes");
  });

  it('that redirects a download with a body without end ends the restore', async () => {
    respond = (_, response) => {
      response.setHeader('location', signedUrl());
      sendEndless(response, 302);
    };
    await expectFailingRestore("GitHub's cache responded with more than 1048576 bytes");
  });

  it('that responds to an upload with status 101 ends the save', async () => {
    respond = (_, response) => response.socket?.write(UPGRADE);
    await expectFailingSave("GitHub's cache responded with 101 Switching Protocols");
  });

  it('that responds to an upload with a body without end ends the save', async () => {
    respond = (request, response) => request.resume().on('end', () => sendEndless(response));
    await expectFailingSave("GitHub's cache responded with more than 1048576 bytes");
  });
});
