import { once } from 'node:events';
import { describe, expect, onTestFinished, test } from 'vitest';
import { posix, requires } from '../support/platform-needs.ts';
import { startMemoryServer } from '../support/servers/memory-server.ts';
import { keys, places } from './places.ts';
import { runCommand, startCommand } from './run-command.ts';
import { putFakeCaches, putObject, VERSION_HASH } from './support.ts';

const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

const fleet = [
  { key: 'linux-1', bytes: 3_000_000, used: true },
  { key: 'linux-2', bytes: 10 },
  { key: 'linux-1', ref: 'refs/pull/7/merge', bytes: 200 },
  { repository: 'org/other', key: '\u001b[31mred\n::error::x', bytes: 0 },
];

describe.each(places)('list of %s', (_, place) => {
  test('prints a table of the caches, without objects of other programs', async () => {
    const { store, args, variables } = await place();
    await putFakeCaches(store, fleet);
    await putObject(store, 'cache-s3/v1/org/README', Buffer.from('x'));
    const { stdout, stderr, exitCode } = await runCommand(['list', ...args], variables);
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    const rows = stdout.trimEnd().split('\n');
    expect(rows).toHaveLength(5);
    expect(rows[0]).toMatch(/^REPOSITORY +SCOPE +KEY +SAVED +LAST USE +SIZE$/);
    expect(rows[1]).toMatch(/^org\/other +refs\/heads\/main +\\x1b\[31mred\\n::error::x +\d+ s +- +0 B$/);
    expect(rows[2]).toMatch(/^org\/repo +refs\/heads\/main +linux-1 +\d+ s +\d+ s +3\.0 MB$/);
  });

  test('prints one JSON array with --json', async () => {
    const { store, args, variables } = await place();
    const names = await putFakeCaches(store, fleet);
    const { stdout } = await runCommand([...args, '--json', 'list'], variables);
    const rows = JSON.parse(stdout);
    expect(rows).toHaveLength(4);
    expect(rows[1]).toEqual({
      key: 'linux-1',
      object: names[0],
      repository: 'org/repo',
      scope: 'refs/heads/main',
      version: VERSION_HASH,
      etag: (await store.head(names[0]!))?.etag,
      bytes: 3_000_000,
      savedAt: expect.stringMatching(ISO_TIME),
      lastUsedAt: expect.stringMatching(ISO_TIME),
    });
    // A HEAD of S3 has whole seconds
    const savedMs = (await store.head(names[0]!))!.modifiedMs;
    expect(Math.abs(Date.parse(rows[1].savedAt) - savedMs)).toBeLessThan(1000);
    expect(rows[2].lastUsedAt).toBeNull();
    expect(rows[0].key).toBe(fleet[3]!.key);
    // A lone control character would be obeyed by a terminal
    expect(stdout).not.toContain('\u001b');
    const filtered = await runCommand(
      [
        'list',
        '--json',
        ...args,
        '--key',
        'linux-*',
        '--repository',
        'org/repo',
        '--sort',
        'size',
        '--limit',
        '2',
      ],
      variables,
    );
    expect(JSON.parse(filtered.stdout).map((row: { bytes: number }) => row.bytes)).toEqual([3_000_000, 200]);
  });

  test('prints an empty array and a table without rows for an empty store', async () => {
    const { args, variables } = await place();
    expect((await runCommand(['list', '--json', ...args], variables)).stdout).toBe('[]\n');
    expect((await runCommand(['list', ...args], variables)).stdout).toMatch(/^REPOSITORY.*\n$/);
  });
});

describe('the command', () => {
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
    'ends with status 1, one sentence and its JSON document for %s',
    async (_, args, variables, sentence) => {
      const end = await runCommand([...args, '--json'], variables);
      expect(end).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(sentence) });
      const { error } = JSON.parse(end.stdout) as { error: string };
      expect(error).toMatch(args.length === 0 ? /^A subcommand is missing\.$/ : /^\S.* .*/s);
    },
  );

  test('names the setting in the error of a server that refuses', async () => {
    const server = await startMemoryServer();
    onTestFinished(() => server.close());
    server.takeover = () => (_, to) => {
      to.writeHead(404, { 'content-type': 'application/xml' });
      to.end('<Error><Code>NoSuchBucket</Code></Error>');
    };
    const { exitCode, stderr } = await runCommand(
      ['list', '--endpoint', server.endpoint, '--bucket', 'absent', '--retry-count', '0'],
      keys,
    );
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      /^cache-s3: Check --bucket \(CACHE_S3_BUCKET\): bucket absent .*no such bucket.*\n$/,
    );
  });

  test('ends with status 130 and no message after Ctrl+C', requires(posix), async () => {
    const server = await startMemoryServer();
    onTestFinished(() => server.close());
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
});
