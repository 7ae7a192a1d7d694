import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { StoreUnavailableError } from '../../../src/storage/store-errors.ts';
import { lookupRequest, restoreRequest, saveRequest } from '../../support/requests.ts';
import { buildTree, describeTree } from '../../support/tree.ts';
import { backendWithLog, saved, short, useGitHub } from './fixture.ts';

const github = useGitHub();

describe('a service that does not', () => {
  it.each([{ status: 503 }, 'silent'] as const)('is no miss when it answers %o', async behaviour => {
    github.service.behave(behaviour);
    const { backend, log } = await backendWithLog(short);
    const lost = expect.objectContaining({
      name: 'StoreUnavailableError',
      message: expect.stringMatching(/^GitHub's cache did not answer within 1 s/),
    });
    await buildTree(github.tree, { a: 'a' });
    await Promise.all([
      expect(backend.restore(restoreRequest({ paths: [github.tree] }))).rejects.toEqual(lost),
      expect(backend.lookup(lookupRequest({ paths: [github.tree] }))).rejects.toEqual(lost),
      expect(backend.save(saveRequest({ paths: [github.tree] }))).rejects.toEqual(lost),
    ]);
    expect(log.shown).toEqual([]);
  });

  it('is named with what it said', async () => {
    github.service.behave({ status: 503 });
    const { backend } = await backendWithLog(short);
    await expect(backend.lookup(lookupRequest({ paths: [github.tree] }))).rejects.toThrow(
      "GitHub's cache did not answer within 1 s (Failed request: (503) Service Unavailable: try again later)",
    );
  });

  it('is no other job when it cannot be reached', async () => {
    await buildTree(github.tree, { a: 'a' });
    const { backend } = await backendWithLog();
    vi.stubEnv('ACTIONS_RESULTS_URL', 'http://127.0.0.1:9/');
    await expect(backend.save(saveRequest({ paths: [github.tree] }))).rejects.toThrow(
      "GitHub's cache did not answer: Failed to CreateCacheEntry: Unable to make request: ECONNREFUSED",
    );
  });

  it('refuses by policy with its own words', async () => {
    github.service.behave('denied');
    await buildTree(github.tree, { a: 'a' });
    const { backend } = await backendWithLog();
    await expect(backend.lookup(lookupRequest({ paths: [github.tree] }))).rejects.toThrow(
      /cache read denied: no readable/,
    );
    await expect(backend.save(saveRequest({ paths: [github.tree] }))).rejects.toThrow(
      /cache write denied: read-only/,
    );
  });

  it('is believed when it refuses a reservation for another reason', async () => {
    github.service.behave({ notOk: 'the repository is archived' });
    await buildTree(github.tree, { a: 'a' });
    const { backend } = await backendWithLog();
    const error = await backend.save(saveRequest({ paths: [github.tree] })).catch(caught => caught);
    expect(error).toBeInstanceOf(StoreUnavailableError);
    expect(error.message).toBe("GitHub's cache did not answer: the repository is archived");
  });
});

describe('a blob store that falls silent', () => {
  let silent: Server;

  beforeEach(async () => {
    // Answers downloads with the first bytes of a long body, uploads with nothing.
    silent = createServer((request, response) => {
      if (request.method !== 'GET') return;
      response.writeHead(200, { 'content-length': 10_000_000 });
      response.write(Buffer.alloc(100_000));
    }).listen(0, '127.0.0.1');
    await once(silent, 'listening');
  });

  afterEach(() => {
    silent.closeAllConnections();
    silent.close();
  });

  const address = () => `http://127.0.0.1:${(silent.address() as AddressInfo).port}/caches/blob?sig=abc`;

  it('ends a restore in the middle of its download, and the tree is as it was', async () => {
    await saved(github, 'deps-1');
    await rm(github.tree, { recursive: true });
    github.signedUrl = address;
    const { backend, log } = await backendWithLog(short);
    await expect(
      backend.restore(restoreRequest({ primaryKey: 'deps-1', paths: [github.tree] })),
    ).rejects.toThrow("GitHub's cache did not answer: no byte moved for 1 s");
    expect(await describeTree(github.workspace)).toEqual({});
    expect(log.shown).toEqual([]);
  });

  it('ends a save', async () => {
    await buildTree(github.tree, { a: 'a' });
    github.signedUrl = address;
    const { backend } = await backendWithLog(short);
    await expect(backend.save(saveRequest({ paths: [github.tree] }))).rejects.toThrow(
      "GitHub's cache did not answer: no byte moved for 1 s",
    );
    expect(github.service.entries[0]?.sizeBytes).toBeUndefined();
  });
});
