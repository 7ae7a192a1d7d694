import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { encodeName } from '../../../src/archive/fs/paths/names.ts';
import type { Job, ResultOf } from '../../../src/archive/messages/job.ts';
import { directoriesToList } from '../../../src/archive/messages/list-job.ts';
import type { ScannedEntry } from '../../../src/archive/messages/pack-job.ts';
import type { JobRunner } from '../../../src/archive/pool/worker-pool.ts';
import { Listings } from '../../../src/archive/scan/listings.ts';
import { InlineRunner } from '../../../src/archive/worker/worker.ts';
import { largeDirectories, requires } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';
import { buildTree, type TreeSpec } from '../../support/tree.ts';
import { layoutIn } from '../support/archives.ts';
import { entriesOf } from './support.ts';

/** A directory with more names than one job, and more directories than one job, some of them nested. */
async function largeTree(): Promise<string> {
  const spec: Record<string, TreeSpec[string]> = {
    'tree/0/link': { symlink: '../a' },
    'tree/0/twin': { hardlink: 'tree/a' },
    'tree/a': { content: 'a', mtime: 1_600_000_000_123_456 },
    'tree/empty': '',
    'tree/.cache-s3-1-0000abcd-0123abcd/x': 'staging',
  };
  for (let package_ = 0; package_ < 40; package_++)
    for (const file of ['b', 'a.b/c', 'a/b/c/d', 'a/z']) spec[`tree/p${package_}/${file}`] = `${package_}`;
  const root = await buildTree(scratch(), spec);
  for (let file = 0; file < 4200; file++) writeFileSync(join(root, 'tree/p7/a', `${file}`), '');
  if (process.platform === 'linux') writeFileSync(encodeName(join(root, 'tree/p8/\udcff')), 'x');
  return root;
}

/** Returns the entries of a scan whose directories are read by the jobs of a runner from the beginning. */
async function scanBy(
  runner: JobRunner,
  root: string,
  layout = layoutIn(root),
  listings = new Listings({ exact: false }),
): Promise<ScannedEntry[]> {
  listings.begin(runner);
  return entriesOf(layout, await layout.roots(), { listings });
}

/** Describes entries without the objects that hold their status. */
function described(entries: readonly ScannedEntry[]) {
  return entries.map(({ stats, ...entry }) => {
    const { mode, nlink, uid, gid, size, mtimeMs, ctimeMs } = stats;
    return { ...entry, mode, nlink, uid, gid, size, mtimeMs, ctimeMs };
  });
}

async function scanAlone(root: string, layout = layoutIn(root), exact = false): Promise<ScannedEntry[]> {
  return entriesOf(layout, await layout.roots(), { listings: new Listings({ exact }) });
}

/** A runner of one thread that counts its jobs. */
class CountingRunner extends InlineRunner {
  jobs = 0;
  override run<J extends Job>(job: J): Promise<ResultOf<J>> {
    this.jobs++;
    return super.run(job);
  }
}

/** Its jobs fail, as those of a pool that is closed. */
class FailingRunner extends CountingRunner {
  override async run<J extends Job>(): Promise<ResultOf<J>> {
    this.jobs++;
    throw new Error('the pool is closed');
  }
}

/** Its jobs can read no directory. */
class BlindRunner extends CountingRunner {
  override async run<J extends Job>(job: J): Promise<ResultOf<J>> {
    this.jobs++;
    const reached = job.kind === 'list' ? directoriesToList(job).length : 0;
    const empty = new Float64Array(0);
    return { reached, texts: '', counts: empty, rows: empty, status: undefined } as never;
  }
}

test(
  'a scan finds the same entries in the same order whether jobs have read directories, failed or left them out',
  requires(largeDirectories),
  async () => {
    const root = await largeTree();
    const expected = described(await scanAlone(root));
    const reading = new CountingRunner();
    expect(described(await scanBy(reading, root))).toEqual(expected);
    expect(reading.jobs).toBeGreaterThan(1);
    expect(reading.jobs).toBeLessThan(20);
    const failing = new FailingRunner();
    expect(described(await scanBy(failing, root))).toEqual(expected);
    expect(failing.jobs).toBe(1);
    const blind = new BlindRunner();
    expect(described(await scanBy(blind, root))).toEqual(expected);
    expect(blind.jobs).toBeGreaterThan(1);
  },
);

test('an exact scan has the same entries and exact status whether jobs have read directories or not', async () => {
  const root = await largeTree();
  const exactOf = (entries: readonly ScannedEntry[]) =>
    entries.map(({ stats: { exact } }) => {
      const { dev, ino, size, mode, uid, gid, mtimeNs, ctimeNs } = exact!;
      return { dev, ino, size, mode, uid, gid, mtimeNs, ctimeNs };
    });
  const expected = await scanAlone(root, layoutIn(root), true);
  const reading = new CountingRunner();
  const found = await scanBy(reading, root, layoutIn(root), new Listings({ exact: true }));
  expect(reading.jobs).toBeGreaterThan(1);
  expect(described(found)).toEqual(described(expected));
  expect(exactOf(found)).toEqual(exactOf(expected));
});

test('a directory that is removed after a job has read it is still listed, and its files vanish when they are packed', async () => {
  const root = await buildTree(scratch(), { 'tree/a/x': 'x', 'tree/b/y': 'y' });
  const runner = new InlineRunner();
  const removing: JobRunner = {
    width: 1,
    close: () => runner.close(),
    run: async job => {
      const result = await runner.run(job);
      rmSync(join(root, 'tree/b'), { recursive: true });
      return result;
    },
  };
  const entries = await scanBy(removing, root);
  expect(entries.map(({ name }) => name)).toContain('./tree/b/y');
});

test(
  'a scan drops what jobs have read below an excluded directory, and jobs read ahead of it again',
  requires(largeDirectories),
  async () => {
    const root = await buildTree(scratch(), {
      'tree/a/skip/deep/x': 'x',
      'tree/a/skip/kept/y': 'y',
      'tree/a/z': 'z',
    });
    const skipped = join(root, 'tree/a/skip');
    // More names than may wait for a scan
    for (let file = 0; file < 33_000; file++) writeFileSync(join(skipped, `deep/${file}`), '');
    const layout = layoutIn(root, ['tree', '!tree/a/skip', 'tree/a/skip/kept']);
    const runner = new CountingRunner();
    const listings = new Listings({ exact: false });
    const entries = await scanBy(runner, root, layout, listings);
    expect(described(entries)).toEqual(described(await scanAlone(root, layout)));
    expect(entries.map(({ name }) => name)).toContain('./tree/a/skip/kept/y');
    for (const path of [skipped, join(skipped, 'deep'), join(skipped, 'kept')])
      expect(listings.take(path)).toBeUndefined();
    const jobsOfScan = runner.jobs;
    expect(jobsOfScan).toBeGreaterThan(0);
    listings.want([join(root, 'tree')]);
    expect(runner.jobs).toBe(jobsOfScan + 1);
  },
);

test('no job reads a directory that the scan does not enter, such as a mounted /proc', () => {
  const runner = new CountingRunner();
  const listings = new Listings({ exact: false });
  listings.want(['/w/image/proc']);
  listings.drop('/w/image/proc');
  listings.begin(runner);
  expect(runner.jobs).toBe(0);
});
