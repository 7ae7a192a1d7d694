import { once } from 'node:events';
import * as fs from 'node:fs';
import path from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import { expect, onTestFinished, test, vi } from 'vitest';
import { serveDiskCache } from '../../../src/archive/disk-cache/keeper.ts';
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

test(
  'eviction removes no file of another directory to which a link in place of its own leads',
  requires(posix, accessTimes),
  async () => {
    const root = scratch();
    const directory = path.join(root, 'frames');
    const elsewhere = path.join(root, 'elsewhere');
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
    await request({ kind: 'close' });
    expect(fs.readdirSync(elsewhere)).toHaveLength(3);
    expect(fs.readdirSync(`${directory}.away`)).toHaveLength(1);
  },
);
