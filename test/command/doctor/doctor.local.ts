import { describe, expect, test } from 'vitest';
import { collect } from '../../support/collect.ts';
import { bucketPlace, places } from '../places.ts';
import { runCommand } from '../run-command.ts';

describe.each(places)('doctor on %s', (_, place) => {
  test('prints a table, ends with status 0, and leaves no object', async () => {
    const { store, args, variables } = await place();
    const { stdout, stderr, exitCode } = await runCommand(['doctor', ...args], variables);
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(stdout).toMatch(/\n\nCHECK +RESULT +FOUND\n/);
    expect(stdout).toMatch(/^conditions +ok +an object is not replaced$/m);
    expect(await collect(store.list(''))).toEqual([]);
  });
});

test('doctor prints one JSON document and ends with status 1 for a server that refuses', async () => {
  const { server, variables } = await bucketPlace();
  server.takeover = operation =>
    operation === 'PutObject'
      ? (_, to) =>
          to
            .writeHead(403, { 'content-type': 'application/xml' })
            .end('<Error><Code>AccessDenied</Code></Error>')
      : undefined;
  const { stdout, stderr, exitCode } = await runCommand(['doctor', '--json'], variables);
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/^cache-s3: A check of bucket bucket at http:.* failed: put\.\n$/);
  const { checks } = JSON.parse(stdout);
  expect(checks.find(({ check }: { check: string }) => check === 'put')).toMatchObject({
    result: 'failed',
    fix: expect.stringContaining('s3:PutObject'),
  });
});
