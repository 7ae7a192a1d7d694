import { once } from 'node:events';
import { expect, test } from 'vitest';
import { serveMemory } from '../storage/s3/serve-store.ts';
import { posix, requires } from '../support/platform-needs.ts';
import { refusal } from '../support/servers/memory-server.ts';
import { keys } from './places.ts';
import { runCommand, startCommand } from './run-command.ts';

test.each<[string, string[], Readonly<Record<string, string>>, RegExp]>([
  ['no subcommand', [], {}, /^Usage: cache-s3 /],
  ['no bucket', ['list'], {}, /^cache-s3: No bucket is set: use --bucket or CACHE_S3_BUCKET, .*\.\n$/],
  ['a bad setting', ['list', '--port', 'x'], {}, /^cache-s3: --port \(CACHE_S3_PORT\) is 'x', .*\.\n$/],
  [
    'a bad age',
    ['list', '--unused', '7'],
    {},
    /^cache-s3: option '--unused <age>' argument '7' is .*7d.*\.\n$/,
  ],
  ['an unknown subcommand', ['lsit'], {}, /^cache-s3: unknown command 'lsit' \(Did you mean list\?\)\n$/],
  [
    'an argument with control characters',
    ['\u001b[31mred\n::error::x'],
    {},
    /^cache-s3: unknown command '\\x1b\[31mred\\n::error::x'\n$/,
  ],
  [
    'an endpoint that is down',
    ['list', '--retry-count', '0', '--bucket', 'b', '--endpoint', 'http://127.0.0.1:1'],
    keys,
    /^cache-s3: Bucket b at http:\/\/127\.0\.0\.1:1: connection refused \(ListObjectsV2: ECONNREFUSED\)\.\n$/,
  ],
])(
  'the command ends with status 1, one sentence and its JSON document for %s',
  async (_, args, variables, sentence) => {
    const end = await runCommand([...args, '--json'], variables);
    expect(end).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(sentence) });
    const { error } = JSON.parse(end.stdout) as { error: string };
    expect(error).toMatch(args.length === 0 ? /^A subcommand is missing\.$/ : /^\S.* .*/s);
  },
);

test('the command names the setting in the error of a server that refuses', async () => {
  const server = await serveMemory();
  server.takeover = () => refusal(404, 'NoSuchBucket');
  const { exitCode, stderr } = await runCommand(
    ['list', '--endpoint', server.endpoint, '--bucket', 'absent', '--retry-count', '0'],
    keys,
  );
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(
    /^cache-s3: Check --bucket \(CACHE_S3_BUCKET\): bucket absent .*no such bucket.*\n$/,
  );
});

test('the command ends with status 130 and no message after Ctrl+C', requires(posix), async () => {
  const server = await serveMemory();
  // No response, so that the command waits
  const asked = new Promise<void>(resolve => {
    server.takeover = () => () => resolve();
  });
  const child = startCommand(['list', '--endpoint', server.endpoint, '--bucket', 'b'], keys);
  const [ended] = [once(child, 'close')];
  let stderr = '';
  child.stderr!.on('data', text => {
    stderr += text;
  });
  await asked;
  child.kill('SIGINT');
  expect(await ended).toEqual([130, null]);
  expect(stderr).toBe('');
});
