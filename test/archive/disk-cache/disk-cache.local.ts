import * as fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { birthTimes, requires, root } from '../../support/platform-needs.ts';
import { restoreRight, useHost } from './host.ts';

const MB = 1e6;
const host = useHost();

describe('a restore with a disk cache', requires(birthTimes), () => {
  test('stores the frames, and the next one fetches only the end of the object', async () => {
    const first = await restoreRight(host.job(), host.tree);
    expect(first.bucket).toBeGreaterThan(15 * MB);
    expect(first.disk).toBe(0);
    expect(host.files()).toHaveLength(5);
    expect(host.files().every(name => /^[0-9a-f]{64}$/.test(name))).toBe(true);
    host.rangesSince();
    const second = await restoreRight(host.job(), host.tree);
    expect(second.bucket).toBeLessThan(0.3 * MB);
    expect(second.disk).toBeGreaterThan(15 * MB);
    expect(host.rangesSince()).toBe(0);
  });

  test('reads them in workers, whatever the host does: a read may hang', async () => {
    await restoreRight(host.job(), host.tree);
    const job = host.job(undefined, { isHostCrowded: () => expect.unreachable() });
    expect((await restoreRight(job, host.tree)).disk).toBeGreaterThan(15 * MB);
  });

  test('keeps the limit at its end', async () => {
    const maxBytes = 9 * MB;
    await restoreRight(host.job({ directory: host.directory, maxBytes }), host.tree);
    const sizes = host.files().map(name => fs.statSync(path.join(host.directory, name)).size);
    expect(sizes.length).toBeGreaterThan(0);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(maxBytes);
  });
});

describe('a directory that cannot be used costs one line and nothing else', () => {
  test.each<[string, (directory: string) => unknown, string]>([
    ['does not exist', directory => fs.rmdirSync(directory), 'it does not exist: create it'],
    [
      'is a file',
      directory => fs.rmdirSync(directory) ?? fs.writeFileSync(directory, ''),
      'it is not a directory',
    ],
  ])('if it %s', async (_, change, reason) => {
    change(host.directory);
    const job = host.job();
    expect((await restoreRight(job, host.tree)).disk).toBe(0);
    expect(job.lines).toEqual([
      expect.stringMatching(`^notice: The disk cache .* is not used, .* from the bucket: ${reason}`),
    ]);
  });

  test(
    'if another user owns it, and the step runs as root: then it is only read',
    requires(root),
    async () => {
      await restoreRight(host.job(), host.tree);
      const [name] = host.files();
      fs.rmSync(path.join(host.directory, name!));
      fs.chownSync(host.directory, 65534, 65534);
      const job = host.job();
      expect((await restoreRight(job, host.tree)).disk).toBeGreaterThan(10 * MB);
      expect(host.files()).toHaveLength(4);
      expect(job.lines).toEqual([
        expect.stringContaining('runs as root, and another user owns the directory'),
      ]);
    },
  );
});
