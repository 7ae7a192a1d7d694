import * as fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  changedJob,
  expectTree,
  type Fleet,
  fleet,
  packedBy,
  reused,
  withUploads,
} from '../archive/save/incremental/fixture.ts';
import type { Job } from '../archive/save/incremental/job.ts';

/** What happens to the tree or the job while a save grows from what was restored. */

describe('the copy begins before the scan', () => {
  /** A changed job of which `change` happens to the tree when the copy begins. */
  async function whileCopied(all: Fleet, change: (tree: string) => void) {
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
    const second: Job = all.job({ store });
    await second.restore('none');
    return { second, uploads };
  }

  test('so that what changes by then is packed', async () => {
    const all = fleet();
    const { second, uploads } = await whileCopied(all, tree =>
      fs.writeFileSync(`${tree}/ballast/1`, 'other'),
    );
    expect(reused(await second.save('k-2'))).toBeGreaterThan(0);
    expect(uploads).toEqual(['copied', 'complete']);
    expect(await packedBy(second, 'k-2', 'k-1')).toContain('./tree/ballast/1');
    await expectTree(all.job(), 'k-2', second);
  });

  test('and is thrown away when too much changes', async () => {
    const all = fleet();
    const { second, uploads } = await whileCopied(all, tree => {
      for (const index of [0, 1, 2]) fs.appendFileSync(`${tree}/ballast/${index}`, ' and more');
    });
    expect(reused(await second.save('k-2'))).toBe(0);
    expect(uploads).toEqual(['copied', 'aborted', 'complete']);
    expect(second.lines).toEqual([]);
    expect(await packedBy(second, 'k-2', 'k-1')).toEqual([]);
    expect((await second.open('k-2')).manifest.head.generation).toBe(0);
    await expectTree(all.job(), 'k-2', second);
    expect(await all.store.abortStale('', 0)).toBe(0);
  });

  test('and is thrown away when the tree goes', async () => {
    const all = fleet();
    const { second, uploads } = await whileCopied(all, tree => fs.rmSync(tree, { recursive: true }));
    expect(await second.save('k-2')).toEqual({ kind: 'empty' });
    expect(uploads).toEqual(['copied', 'aborted', 'aborted']);
    expect(await all.store.head(await second.objectName('k-2'))).toBeUndefined();
    expect(await all.store.abortStale('', 0)).toBe(0);
  });

  test('unless much has changed already: then nothing is copied', async () => {
    const all = fleet();
    const { second, uploads } = await whileCopied(all, () => {});
    const tree = path.join(second.workspace, 'tree');
    for (const index of [0, 1, 2]) fs.appendFileSync(`${tree}/ballast/${index}`, ' and more');
    expect(reused(await second.save('k-2'))).toBe(0);
    expect(uploads).toEqual(['complete']);
    await expectTree(all.job(), 'k-2', second);
  });
});

describe('a save that does not come to its end', () => {
  test('cancelled while the range is copied: nothing is left of it', async () => {
    const all = fleet();
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
    expect(await all.store.head(await second.objectName('k-2'))).toBeUndefined();
    expect(await all.store.abortStale('', 0)).toBe(0);
  });

  test('cancelled during the scan: neither is anything left of what was copied by then', async () => {
    const all = fleet();
    const stop = new AbortController();
    const { second, copies } = await meanwhile(all, () => stop.abort(new Error('the step was cancelled')));
    expect(await second.save('k-2', { signal: stop.signal })).toMatchObject({ kind: 'cancelled' });
    expect(copies()).toBe(1);
    expect(await all.store.head(await second.objectName('k-2'))).toBeUndefined();
    expect(await all.store.abortStale('', 0)).toBe(0);
  });

  test('a file that does not hold still: the copy under way is given up', async () => {
    const all = fleet();
    const { second } = await meanwhile(all, tree => fs.truncateSync(`${tree}/a`, 20_000_000));
    expect(await second.save('k-2')).toMatchObject({
      kind: 'failed',
      error: { message: expect.stringMatching(/a changed while it was read$/) },
    });
    expect(await all.store.head(await second.objectName('k-2'))).toBeUndefined();
    expect(await all.store.abortStale('', 0)).toBe(0);
  });
});

describe('files that change between the scan and the end of the save', () => {
  test('one that is packed is as it was read, one that is taken over as it was found', async () => {
    const all = fleet();
    const { second } = await meanwhile(all, tree => {
      fs.appendFileSync(`${tree}/a`, ' and more');
      fs.appendFileSync(`${tree}/ballast/0`, ' and more');
    });
    expect(reused(await second.save('k-2'))).toBeGreaterThan(0);
    const reader = all.job();
    await reader.restore('k-2');
    expect(fs.readFileSync(path.join(reader.workspace, 'tree/a'), 'utf8')).toBe('second and more');
    expect(fs.statSync(path.join(reader.workspace, 'tree/ballast/0')).size).toBe(700_000);
    // Nothing was recorded by this save: the next one looks at the files again
    expect(reused(await second.save('k-3'))).toBeGreaterThan(0);
    await expectTree(all.job(), 'k-3', second);
  });

  test('one that is gone by then is left out, or was there when it was found', async () => {
    const all = fleet();
    const { second } = await meanwhile(all, tree => {
      fs.rmSync(`${tree}/a`);
      fs.rmSync(`${tree}/ballast/0`);
    });
    expect(reused(await second.save('k-2'))).toBeGreaterThan(0);
    expect(second.lines).toEqual([
      expect.stringContaining('1970'),
      expect.stringMatching(/a is left out: it vanished while it was saved\.$/),
    ]);
    const reader = all.job();
    await reader.restore('k-2');
    expect(fs.readdirSync(path.join(reader.workspace, 'tree'))).toEqual(['ballast', 'zz']);
    expect(fs.readdirSync(path.join(reader.workspace, 'tree/ballast'))).toHaveLength(9);
  });
});

interface Meanwhile {
  readonly second: Job;
  /** How many ranges were asked for when `change` happened. */
  readonly copies: () => number;
}

/** A changed job of which `change` happens to the tree at the end of the scan, before anything is read. */
async function meanwhile(all: Fleet, change: (tree: string) => void): Promise<Meanwhile> {
  await changedJob(all);
  let [asked, copies] = [0, 0];
  const store = withUploads(all.store, upload => ({
    copyRange(...given) {
      asked++;
      return upload.copyRange(...given);
    },
  }));
  const onLine = (line: string) => {
    if (!line.includes('1970')) return;
    copies = asked;
    // As it is saved
    fs.utimesSync(last, new Date(0), new Date(0));
    change(path.join(second.workspace, 'tree'));
  };
  const second: Job = all.job({ store, onLine });
  const last = path.join(second.workspace, 'tree/zz');
  await second.restore('none');
  fs.writeFileSync(path.join(second.workspace, 'tree/a'), 'second');
  // The last thing that a scan comes to, and it says so
  fs.writeFileSync(last, '');
  fs.utimesSync(last, new Date(-1000), new Date(-1000));
  return { second, copies: () => copies };
}
