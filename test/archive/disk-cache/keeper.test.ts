import { once } from 'node:events';
import * as fs from 'node:fs';
import path from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { serveDiskCache } from '../../../src/archive/disk-cache/keeper.ts';
import type { Platform } from '../../../src/archive/fs/platform.ts';
import type { DiskAnswer, DiskRequest } from '../../../src/archive/messages/disk-request.ts';
import { accessTimes, posix, requires } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';
import { usePlatform } from '../support/platform.ts';
import { makeFrame, putFrame } from './support.ts';

/** Serves a directory. Returns a function that sends a request and returns its answer. */
function serve(directory: string, maxBytes = 1e9): (request: DiskRequest) => Promise<DiskAnswer> {
  const { port1, port2 } = new MessageChannel();
  onTestFinished(() => port1.close());
  serveDiskCache(port1, { directory, maxBytes });
  let lastId = 0;
  return async request => {
    const id = ++lastId;
    port2.postMessage({ id, request });
    for (;;) {
      const [report] = await once(port2, 'message');
      if (report.id === id) return report.end.answer;
    }
  };
}

const settled = (bytes: number): DiskRequest => ({
  kind: 'settle',
  claims: [],
  bytes,
  problem: undefined,
});

test('the directory is found where the system cannot resolve its path', async () => {
  const directory = scratch();
  const { native } = fs.realpathSync;
  // As Windows on a RAM disk
  vi.spyOn(fs.realpathSync, 'native').mockImplementation(() => {
    throw Object.assign(new Error('EISDIR'), { code: 'EISDIR' });
  });
  onTestFinished(() => void Object.assign(fs.realpathSync, { native }));
  usePlatform({ resolvesAllPaths: true });
  expect(await serve(directory)({ kind: 'open' })).toMatchObject({ problem: 'EISDIR' });
  usePlatform({ resolvesAllPaths: false });
  const answer = await serve(directory)({ kind: 'open' });
  expect(answer.problem).toBeUndefined();
  expect(answer.directory).toBe(fs.realpathSync(directory));
});

describe(
  'eviction, when a link to another directory is put in place of its own',
  requires(posix, accessTimes),
  () => {
    /** Returns the names of the frames of both directories after a check of the limit. */
    async function evictAfterReplacement() {
      const root = scratch();
      const [directory, elsewhere] = [path.join(root, 'frames'), path.join(root, 'elsewhere')];
      for (const made of [directory, elsewhere]) fs.mkdirSync(made);
      const request = serve(directory, 1500);
      await request({ kind: 'open' });
      for (const name of ['a', 'b', 'c']) {
        putFrame(directory, makeFrame(name));
        putFrame(elsewhere, makeFrame(name));
      }
      fs.renameSync(directory, `${directory}.away`);
      fs.symlinkSync(elsewhere, directory);
      await request(settled(3000));
      const { problem } = await request({ kind: 'close' });
      return { elsewhere: fs.readdirSync(elsewhere), own: fs.readdirSync(`${directory}.away`), problem };
    }

    test('removes frames of its own directory', async () => {
      const { elsewhere, own, problem } = await evictAfterReplacement();
      expect(problem).toBeUndefined();
      expect(elsewhere).toHaveLength(3);
      expect(own).toHaveLength(1);
    });

    test.each<[string, Partial<Platform>]>([
      ['leads nowhere', { openFiles: '/missing', filesByInode: '/missing' }],
      ['does not exist', { openFiles: undefined, filesByInode: undefined }],
    ])('removes nothing if the path to the open directory %s', async (_, platform) => {
      usePlatform(platform);
      const { elsewhere, own, problem } = await evictAfterReplacement();
      expect(problem).toBe('ENOENT');
      expect(elsewhere).toHaveLength(3);
      expect(own).toHaveLength(3);
    });
  },
);

test(
  'eviction uses the name of its directory where the system has no other path to it',
  requires(posix, accessTimes),
  async () => {
    usePlatform({ openFiles: undefined, filesByInode: undefined });
    const directory = scratch();
    const request = serve(directory, 1500);
    await request({ kind: 'open' });
    for (const name of ['a', 'b']) putFrame(directory, makeFrame(name));
    await request(settled(2000));
    expect((await request({ kind: 'close' })).problem).toBeUndefined();
    expect(fs.readdirSync(directory)).toHaveLength(1);
  },
);
