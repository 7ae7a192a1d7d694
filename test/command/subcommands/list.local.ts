import { describe, expect, test } from 'vitest';
import { putObject } from '../../support/put-object.ts';
import { places } from '../places.ts';
import { putFakeCaches, VERSION_HASH } from '../support.ts';

const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

const fleet = [
  { key: 'linux-1', bytes: 3_000_000, used: true },
  { key: 'linux-2', bytes: 10 },
  { key: 'linux-1', ref: 'refs/pull/7/merge', bytes: 200 },
  { repository: 'org/other', key: '\u001b[31mred\n::error::x', bytes: 0 },
];

describe.each(places)('list of %s', (_, place) => {
  test('prints a table of the caches, without objects of other programs', async () => {
    const { store, run } = await place();
    await putFakeCaches(store, fleet);
    await putObject(store, 'cache-s3/v1/org/README', 'x');
    const { stdout, stderr, exitCode } = await run('list');
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    const rows = stdout.trimEnd().split('\n');
    expect(rows).toHaveLength(5);
    expect(rows[0]).toMatch(/^REPOSITORY +SCOPE +KEY +SAVED +LAST USE +SIZE$/);
    expect(rows[1]).toMatch(/^org\/other +refs\/heads\/main +\\x1b\[31mred\\n::error::x +\d+ s +- +0 B$/);
    expect(rows[2]).toMatch(/^org\/repo +refs\/heads\/main +linux-1 +\d+ s +\d+ s +3\.0 MB$/);
  });

  test('prints one JSON array with --json', async () => {
    const { store, run } = await place();
    const names = await putFakeCaches(store, fleet);
    const { stdout } = await run('--json', 'list');
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
    const savedMs = (await store.head(names[0]!))!.modifiedMs!;
    expect(Math.abs(Date.parse(rows[1].savedAt) - savedMs)).toBeLessThan(1000);
    expect(rows[2].lastUsedAt).toBeNull();
    expect(rows[0].key).toBe(fleet[3]!.key);
    // A lone control character would be obeyed by a terminal
    expect(stdout).not.toContain('\u001b');
    const filtered = await run(
      ...'list --json --key linux-* --repository org/repo --sort size --limit 2'.split(' '),
    );
    expect(JSON.parse(filtered.stdout).map((row: { bytes: number }) => row.bytes)).toEqual([3_000_000, 200]);
  });

  test('prints an empty array and a table without rows for an empty store', async () => {
    const { run } = await place();
    expect((await run('list', '--json')).stdout).toBe('[]\n');
    expect((await run('list')).stdout).toMatch(/^REPOSITORY.*\n$/);
  });
});
