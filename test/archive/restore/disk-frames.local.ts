import * as fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { birthTimes, requires } from '../../support/platform-needs.ts';
import { incompressible } from '../../support/random.ts';
import { describeTree } from '../../support/tree.ts';
import { restoreRight, useHost } from '../disk-cache/host.ts';

const MB = 1e6;
const host = useHost();

describe('a restore with a disk cache', requires(birthTimes), () => {
  test('fetches the absent frames in as few ranges as without the other frames', async () => {
    await restoreRight(host.job(), host.tree);
    host.rangesSince();
    const [one, two] = host.files();
    for (const name of [one!, two!]) fs.rmSync(path.join(host.directory, name));
    const { bucket, disk } = await restoreRight(host.job(), host.tree);
    expect(host.rangesSince()).toBeLessThanOrEqual(2);
    expect(bucket).toBeLessThan(9 * MB);
    expect(disk).toBeGreaterThan(6 * MB);
    expect(host.files()).toHaveLength(5);
  });

  test('fetches frames that are wrong once more, and repairs them', async () => {
    await restoreRight(host.job(), host.tree);
    const files = host.files().map(name => path.join(host.directory, name));
    const sizes = files.map(file => fs.statSync(file).size);
    files.forEach((file, index) => {
      // The size is right: only the hash shows it
      if (index % 2 === 0) fs.writeFileSync(file, incompressible(sizes[index]!, 'wrong'));
      else fs.truncateSync(file, 100);
    });
    const healed = await restoreRight(host.job(), host.tree);
    expect(healed.disk).toBe(0);
    host.rangesSince();
    expect((await restoreRight(host.job(), host.tree)).disk).toBeGreaterThan(15 * MB);
    expect(host.rangesSince()).toBe(0);
  });

  test('fetches only the changed frames of the next generation', async () => {
    const second = host.job();
    await restoreRight(second, host.tree, 'none');
    fs.writeFileSync(path.join(second.workspace, 'tree/new'), incompressible(500_000, 'new'));
    expect(await second.save('k-2')).toMatchObject({ kind: 'saved' });
    const { bucket, disk } = await restoreRight(host.job(), await describeTree(second.workspace), 'k-2');
    expect(bucket).toBeLessThan(1.1 * MB);
    expect(disk).toBeGreaterThan(15 * MB);
  });

  test('is shared by jobs that start together: most bytes are fetched once', async () => {
    const jobs = Array.from({ length: 4 }, () => host.job());
    const all = await Promise.all(jobs.map(job => restoreRight(job, host.tree)));
    const bucket = all.reduce((sum, one) => sum + one.bucket!, 0);
    // The object is sent once, maybe a range twice, and its end to each
    expect(bucket).toBeLessThan(2.5 * 15.8 * MB);
    expect(host.files().filter(name => name.endsWith('.part'))).toEqual([]);
  });

  test('takes over the claims of a job that has ended', async () => {
    await restoreRight(host.job(), host.tree);
    for (const name of host.files())
      fs.renameSync(path.join(host.directory, name), path.join(host.directory, `${name}.part`));
    const { bucket } = await restoreRight(host.job(), host.tree);
    expect(bucket).toBeGreaterThan(15 * MB);
    expect(host.files().every(name => /^[0-9a-f]{64}$/.test(name))).toBe(true);
    expect(host.files()).toHaveLength(5);
  });
});
