import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDirectoryStore } from '../../src/storage/directory/directory-store.ts';
import { putFakeCaches } from '../command/support.ts';
import { copyCheckout } from '../support/checkout.ts';
import { collectOutput } from '../support/collect-output.ts';
import { scratch } from '../support/scratch.ts';
import { silentLog } from '../support/silent-log.ts';

let checkout: Awaited<ReturnType<typeof copyCheckout>>;

beforeAll(async () => {
  checkout = await copyCheckout('cache-s3-command-');
});
afterAll(() => checkout.remove());

const dist = () => path.join(checkout.directory, 'dist');

/** Returns the files of dist/ that these entries load, at their start or later. */
function closureOf(entries: readonly string[]): Set<string> {
  const found = new Set(entries);
  for (const file of found) {
    const code = readFileSync(path.join(dist(), file), 'utf8');
    for (const [, , imported] of code.matchAll(/(["'`])\.\/([a-z0-9-]+\.js)\1/g)) found.add(imported!);
  }
  return found;
}

test('the command adds at most 200 kB to the files of the action, and no step loads any of them', () => {
  const threads = ['worker.js', 'sender.js'];
  const steps = closureOf(['main.js', 'post.js', 'restore-only.js', 'save-only.js', ...threads]);
  const own = [...closureOf(['cache-s3.js'])].filter(file => !steps.has(file));
  expect(own).toContain('cache-s3.js');
  const bytes = own.map(file => readFileSync(path.join(dist(), file)).length);
  expect(bytes.reduce((sum, size) => sum + size, 0)).toBeLessThan(200_000);
  // Every other file belongs to the action: the command has left none behind
  const known = new Set([...steps, ...own, ...closureOf(['prune-only.js'])]);
  const files = readdirSync(dist()).filter(file => file.endsWith('.js'));
  expect(files.filter(file => !known.has(file))).toEqual([]);
});

test('the built command lists a directory, without a node_modules above it', async () => {
  const root = scratch();
  await putFakeCaches(createDirectoryStore(root, { log: silentLog }), [{ key: 'one' }]);
  const child = spawn(process.execPath, [path.join(dist(), 'cache-s3.js'), 'list', '--json'], {
    env: { CACHE_S3_ENDPOINT: pathToFileURL(root).href },
  });
  const { exitCode, stdout, stderr } = await collectOutput(child);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(JSON.parse(stdout)).toMatchObject([{ key: 'one' }]);
});
