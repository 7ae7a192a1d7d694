import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { ANY_NAME } from '../../support/any-name.ts';
import { replaceCalls } from '../../support/file-system-calls.ts';
import { slashed } from '../../support/slashed.ts';
import type { CacheJob } from '../incremental/job.ts';
import {
  changedJob,
  expectTree,
  type Jobs,
  jobsOf,
  packedBy,
  reused,
  withUploads,
} from '../incremental/jobs.ts';

/** Changes the tree or the job during an incremental save. */

describe('an incremental save, which copies its base during the scan,', () => {
  /** A changed job of which `change` happens to the tree when the copy begins. */
  async function whileCopied(all: Jobs, change: (tree: string) => void) {
    await changedJob(all);
    const uploads: string[] = [];
    const store = withUploads(all.store, upload => ({
      copyRange(...given) {
        uploads.push('copied');
        change(path.join(second.workspace, 'tree'));
        return upload.copyRange(...given);
      },
      async abort() {
        uploads.push('aborted');
        await upload.abort();
      },
      complete() {
        uploads.push('complete');
        return upload.complete();
      },
    }));
    const second: CacheJob = all.job({ store });
    await second.restore('none');
    return { second, uploads };
  }

  test('packs files that change after the copy has begun', async () => {
    const all = jobsOf();
    const { second, uploads } = await whileCopied(all, tree =>
      fs.writeFileSync(`${tree}/ballast/1`, 'other'),
    );
    expect(reused(await second.save('k-2'))).toBeGreaterThan(0);
    expect(uploads).toEqual(['copied', 'complete']);
    expect(await packedBy(second, 'k-2', 'k-1')).toContain('./tree/ballast/1');
    await expectTree(all.job(), 'k-2', second);
  });

  test('drops the copy when too much changes', async () => {
    const all = jobsOf();
    const { second, uploads } = await whileCopied(all, tree => {
      for (const index of [0, 1, 2]) fs.appendFileSync(`${tree}/ballast/${index}`, ' and more');
    });
    expect(reused(await second.save('k-2'))).toBe(0);
    expect(uploads).toEqual(['copied', 'aborted', 'complete']);
    expect(second.lines).toEqual([]);
    expect(await packedBy(second, 'k-2', 'k-1')).toEqual([]);
    await expectTree(all.job(), 'k-2', second);
    expect(await all.store.abortStale('', 0, ANY_NAME)).toBe(0);
  });

  test('drops the copy when the tree is removed', async () => {
    const all = jobsOf();
    const { second, uploads } = await whileCopied(all, tree => fs.rmSync(tree, { recursive: true }));
    expect(await second.save('k-2')).toEqual({ kind: 'empty' });
    expect(uploads).toEqual(['copied', 'aborted', 'aborted']);
    expect(await all.store.head(second.objectName('k-2'))).toBeUndefined();
    expect(await all.store.abortStale('', 0, ANY_NAME)).toBe(0);
  });

  test('copies nothing if much has changed before it', async () => {
    const all = jobsOf();
    const { second, uploads } = await whileCopied(all, () => {});
    const tree = path.join(second.workspace, 'tree');
    for (const index of [0, 1, 2]) fs.appendFileSync(`${tree}/ballast/${index}`, ' and more');
    expect(reused(await second.save('k-2'))).toBe(0);
    expect(uploads).toEqual(['complete']);
    await expectTree(all.job(), 'k-2', second);
  });
});

describe('an incremental save that does not finish', () => {
  test('leaves nothing when it is cancelled during the copy', async () => {
    const all = jobsOf();
    const first = all.job();
    await changedJob(all, first);
    const stop = new AbortController();
    const stopping = withUploads(all.store, upload => ({
      copyRange(...given) {
        const copied = upload.copyRange(...given);
        stop.abort(new Error('the step was cancelled'));
        return copied;
      },
    }));
    const second = all.job({ store: stopping });
    await second.restore('none');
    expect(await second.save('k-2', { signal: stop.signal })).toMatchObject({ kind: 'cancelled' });
    expect(await all.store.head(second.objectName('k-2'))).toBeUndefined();
    expect(await all.store.abortStale('', 0, ANY_NAME)).toBe(0);
  });

  test('leaves nothing when it is cancelled during the scan', async () => {
    const all = jobsOf();
    const stop = new AbortController();
    const { second, copies } = await meanwhile(all, () => stop.abort(new Error('the step was cancelled')));
    expect(await second.save('k-2', { signal: stop.signal })).toMatchObject({ kind: 'cancelled' });
    expect(copies()).toBe(1);
    expect(await all.store.head(second.objectName('k-2'))).toBeUndefined();
    expect(await all.store.abortStale('', 0, ANY_NAME)).toBe(0);
  });

  test('leaves nothing when a file keeps changing', async () => {
    const all = jobsOf();
    const { second } = await meanwhile(all, tree => fs.truncateSync(`${tree}/a`, 20_000_000));
    expect(await second.save('k-2')).toMatchObject({
      kind: 'failed',
      error: { message: expect.stringMatching(/a changed while it was read$/) },
    });
    expect(await all.store.head(second.objectName('k-2'))).toBeUndefined();
    expect(await all.store.abortStale('', 0, ANY_NAME)).toBe(0);
  });
});

describe('files that change between the scan and the end of the save', () => {
  test('a changed file is saved as it was read, and an unchanged one as it was scanned', async () => {
    const all = jobsOf();
    const { second } = await meanwhile(all, tree => {
      fs.appendFileSync(`${tree}/a`, ' and more');
      fs.appendFileSync(`${tree}/ballast/0`, ' and more');
    });
    expect(reused(await second.save('k-2'))).toBeGreaterThan(0);
    const reader = all.job();
    await reader.restore('k-2');
    expect(fs.readFileSync(path.join(reader.workspace, 'tree/a'), 'utf8')).toBe('second and more');
    expect(fs.statSync(path.join(reader.workspace, 'tree/ballast/0')).size).toBe(700_000);
    // This save wrote no record: the next one reads the files again
    expect(reused(await second.save('k-3'))).toBeGreaterThan(0);
    await expectTree(all.job(), 'k-3', second);
  });

  test('a changed file that vanishes is skipped, and an unchanged one is saved as it was scanned', async () => {
    const all = jobsOf();
    const { second } = await meanwhile(all, tree => {
      fs.rmSync(`${tree}/a`);
      fs.rmSync(`${tree}/ballast/0`);
    });
    expect(reused(await second.save('k-2'))).toBeGreaterThan(0);
    expect(second.lines).toEqual([
      `notice: 1 path is not in the cache (vanished during the save): ${path.join(second.workspace, 'tree/a')}.`,
    ]);
    const reader = all.job();
    await reader.restore('k-2');
    expect(fs.readdirSync(path.join(reader.workspace, 'tree'))).toEqual(['ballast', 'zz']);
    expect(fs.readdirSync(path.join(reader.workspace, 'tree/ballast'))).toHaveLength(9);
  });

  test('769 files that vanish make one notice', async () => {
    const all = jobsOf();
    const { second } = await meanwhile(all, tree => fs.rmSync(`${tree}/many`, { recursive: true }));
    const many = path.join(second.workspace, 'tree/many');
    fs.mkdirSync(many);
    for (let index = 0; index < 769; index++) fs.writeFileSync(path.join(many, String(1000 + index)), 'x');
    expect(await second.save('k-2')).toMatchObject({ kind: 'saved' });
    expect(second.lines).toEqual([
      `notice: 769 paths are not in the cache (vanished during the save): ${['1000', '1001', '1002'].map(name => path.join(many, name)).join(', ')} and 766 more.`,
    ]);
  });
});

interface Meanwhile {
  readonly second: CacheJob;
  /** Number of ranges that were copied when `change` was called. */
  readonly copies: () => number;
}

/** Makes a changed job whose tree is changed at the end of the scan, before any file is read. */
async function meanwhile(all: Jobs, change: (tree: string) => void): Promise<Meanwhile> {
  await changedJob(all);
  let [reads, copies] = [0, 0];
  const store = withUploads(all.store, upload => ({
    copyRange(...given) {
      reads++;
      return upload.copyRange(...given);
    },
  }));
  const second = all.job({ store });
  await second.restore('none');
  const tree = path.join(second.workspace, 'tree');
  fs.writeFileSync(path.join(tree, 'a'), 'second');
  // In byte order, the last file of the tree
  const last = path.join(tree, 'zz/last');
  fs.mkdirSync(path.dirname(last));
  fs.writeFileSync(last, '');
  const { lstatSync } = fs;
  const afterLast = (...given: Parameters<typeof lstatSync>) => {
    const stats = lstatSync(...given);
    if (slashed(given[0]) === slashed(last)) {
      restoreLstat();
      copies = reads;
      change(tree);
    }
    return stats;
  };
  const restoreLstat = replaceCalls({ lstatSync: afterLast as typeof lstatSync });
  return { second, copies: () => copies };
}
