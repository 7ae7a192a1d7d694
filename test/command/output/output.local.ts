import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { createDirectoryStore } from '../../../src/storage/directory/directory-store.ts';
import { collect } from '../../support/collect.ts';
import { collectOutput } from '../../support/collect-output.ts';
import { linux, requires } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';
import { silentLog } from '../../support/silent-log.ts';
import { startCommand } from '../run-command.ts';
import { putFakeCaches } from '../support.ts';

/** Makes a directory store with caches that are no archives, and whose keys are long. */
async function storeOf(count: number) {
  const root = scratch();
  const store = createDirectoryStore(root, { log: silentLog });
  await putFakeCaches(
    store,
    Array.from({ length: count }, (_, index) => ({ key: `${'k'.repeat(200)}${index}` })),
  );
  return { store, args: ['--endpoint', pathToFileURL(root).href] };
}

test('list ends with status 0 and no message when the program that reads its output has ended', async () => {
  const { args } = await storeOf(700);
  const child = startCommand(['list', ...args]);
  const ended = collectOutput(child);
  child.stdout!.destroy();
  expect(await ended).toMatchObject({ exitCode: 0, signal: null, stderr: '' });
});

test('rm deletes every cache although nothing reads its output and its errors', async () => {
  const { store, args } = await storeOf(60);
  const child = startCommand(['rm', '*', '--verbose', ...args]);
  const ended = once(child, 'close');
  child.stdout!.destroy();
  child.stderr!.destroy();
  expect(await ended).toEqual([0, null]);
  expect(await collect(store.list('cache-s3/'))).toEqual([]);
});

test('verify ends with status 1 for a damaged cache although nothing reads its output', async () => {
  const { args } = await storeOf(3);
  const child = startCommand(['verify', ...args]);
  const ended = collectOutput(child);
  child.stdout!.destroy();
  expect(await ended).toMatchObject({
    exitCode: 1,
    stderr: expect.stringMatching(/^cache-s3: 3 of 3 caches are damaged/),
  });
});

test(
  'list and rm end with status 1 and a sentence if the disk of their output is full',
  requires(linux),
  async () => {
    const { args } = await storeOf(3);
    for (const subcommand of [['list'], ['rm', '*', '--dry-run']]) {
      const full = openSync('/dev/full', 'w');
      const end = await collectOutput(startCommand([...subcommand, ...args], {}, full));
      closeSync(full);
      expect(end).toMatchObject({
        exitCode: 1,
        stderr: expect.stringMatching(/^cache-s3: Standard output could not be written: ENOSPC: .*\n$/),
      });
    }
  },
);
