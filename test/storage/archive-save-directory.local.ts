import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import type { SaveOutcome } from '../../src/storage/backend.ts';
import { CopyRefusedError, ObjectReplacedError, StoreRefusedError } from '../../src/storage/errors.ts';
import type { ObjectStore, Upload } from '../../src/storage/object-store.ts';
import { ballast, type Fleet, fleet, packedBy } from '../archive/incremental/fixture.ts';
import type { Job } from '../archive/incremental/job.ts';
import { incompressible } from '../archive/support.ts';
import { buildTree, describeTree } from '../support/tree.ts';

/** When a save grows from what was restored, and what it does when it cannot. */

vi.setConfig({ testTimeout: 60_000 });

const reused = (outcome: SaveOutcome) => (outcome.result === 'saved' ? outcome.reusedBytes : -1);

/** A job that has restored `k-1`, saved by another job, and changed a file since. */
async function changedJob({ job }: Fleet, workspaceOf?: Job): Promise<Job> {
  const first = workspaceOf ?? job();
  await buildTree(first.workspace, { ...ballast, 'tree/a': 'first' });
  await first.saveInFull('k-1');
  const second = job();
  await second.restore('none');
  fs.writeFileSync(path.join(second.workspace, 'tree/a'), 'second');
  return second;
}

/** What stands under `key` is the tree of this job. */
async function expectTree({ job }: Fleet, key: string, saver: Job): Promise<void> {
  const reader = job();
  await reader.restore(key);
  expect(await describeTree(reader.workspace)).toEqual(await describeTree(saver.workspace));
}

/** `store` with other uploads. Those made before this was called are not concerned. */
function withUploads(store: ObjectStore, change: (upload: Upload) => Partial<Upload>): ObjectStore {
  return {
    kind: store.kind,
    counters: store.counters,
    head: (...given) => store.head(...given),
    getRange: (...given) => store.getRange(...given),
    list: (...given) => store.list(...given),
    abortStale: (...given) => store.abortStale(...given),
    close: () => store.close(),
    createUpload(...given) {
      const upload = store.createUpload(...given);
      return {
        write: bytes => upload.write(bytes),
        copyRange: (...range) => upload.copyRange(...range),
        complete: () => upload.complete(),
        abort: () => upload.abort(),
        get accepted() {
          return upload.accepted;
        },
        ...change(upload),
      };
    },
  };
}

describe('a save grows from what was restored', () => {
  test('in the same step, and says how much it took over', async () => {
    const all = fleet();
    const second = await changedJob(all);
    const outcome = await second.save('k-2');
    const { sizeBytes } = (await all.store.head(await second.objectName('k-1')))!;
    expect(reused(outcome)).toBeGreaterThan(6_000_000);
    expect(reused(outcome)).toBeLessThan(sizeBytes);
    expect(second.lines).toEqual([]);
    await expectTree(all, 'k-2', second);
  });

  test('in save/, which finds the record of restore/ by the version', async () => {
    const all = fleet();
    const second = await changedJob(all);
    expect(reused(await second.save('k-2', { base: undefined }))).toBeGreaterThan(0);
    await expectTree(all, 'k-2', second);
  });

  test('the object needs nothing of the one it grew from', async () => {
    const all = fleet();
    const second = await changedJob(all);
    await second.save('k-2');
    fs.rmSync(await objectFile(all, second, 'k-1'));
    await expectTree(all, 'k-2', second);
  });

  test('from another scope: a pull request’s from the default branch’s', async () => {
    const all = fleet();
    const first = all.job();
    await buildTree(first.workspace, ballast);
    await first.saveInFull('k-1');
    const refs = ['refs/pull/1/merge', 'refs/heads/main'];
    const pull = all.job({ refs });
    await pull.restore('none');
    fs.writeFileSync(path.join(pull.workspace, 'tree/new'), 'new');
    expect(reused(await pull.save('k-1'))).toBeGreaterThan(0);
    const reader = all.job({ refs });
    await reader.restore('k-1');
    expect(await describeTree(reader.workspace)).toEqual(await describeTree(pull.workspace));
    const main = all.job();
    await main.restore('k-1');
    expect(await describeTree(main.workspace)).toEqual(await describeTree(first.workspace));
  });

  test('after two restores of the same paths, from the second one', async () => {
    const all = fleet();
    const [one, two] = [all.job(), all.job()];
    const shared = { 'tree/both': { content: 'same', mtime: 1_000_000 } };
    await buildTree(one.workspace, { ...ballast, ...shared, 'tree/only-1': 'one', 'tree/a': 'one' });
    await one.saveInFull('one');
    await buildTree(two.workspace, { ...ballast, ...shared, 'tree/only-2': 'two', 'tree/a': 'two' });
    await two.saveInFull('two');
    const both = all.job();
    await both.restore('none', { restoreKeys: ['one'] });
    await both.restore('none', { restoreKeys: ['two'] });
    expect(reused(await both.save('k', { base: undefined }))).toBeGreaterThan(0);
    // The second restore has not written this one: it cannot vouch for it
    expect(await packedBy(both, 'k', 'two')).toEqual(['./tree/only-1']);
    await expectTree(all, 'k', both);
  });

  test('after two restores, from the first one’s record: what the second has written is packed', async () => {
    const all = fleet();
    const two = all.job();
    const first = await changedJob(all);
    const base = { name: await first.objectName('k-1'), etag: (await first.open('k-1')).etag };
    await buildTree(two.workspace, { 'tree/a': 'from another', 'tree/b': 'b' });
    await two.saveInFull('small');
    await first.restore('none', { restoreKeys: ['small'] });
    expect(reused(await first.save('k', { base }))).toBeGreaterThan(0);
    expect(await packedBy(first, 'k', 'k-1')).toEqual(['./tree/a', './tree/b']);
    await expectTree(all, 'k', first);
  });

  test('not when the key exists: nothing is copied, nothing is written', async () => {
    const all = fleet();
    const second = await changedJob(all);
    await all.job().restore('none');
    expect(await second.save('k-1')).toMatchObject({ result: 'exists' });
  });

  test('not onto itself: the same key with overwrite is a full save', async () => {
    const all = fleet();
    const second = await changedJob(all);
    expect(reused(await second.save('k-1', { overwrite: true }))).toBe(0);
    await expectTree(all, 'k-1', second);
  });

  test('not without a record, and not when most of it has changed', async () => {
    const all = fleet();
    const second = await changedJob(all);
    expect(reused(await second.save('k-2', { recordDirectory: undefined }))).toBe(0);
    for (const index of [0, 1, 2]) {
      fs.writeFileSync(
        path.join(second.workspace, `tree/ballast/${index}`),
        incompressible(700_000, `${index} again`),
      );
    }
    expect(reused(await second.save('k-3'))).toBe(0);
    await expectTree(all, 'k-3', second);
  });

  test('not after a warm restore that wrote nothing: nothing vouches for what was there', async () => {
    const all = fleet();
    const first = all.job();
    await buildTree(first.workspace, ballast);
    await first.saveInFull('k-1');
    await first.restore('none', { warm: true });
    expect(reused(await first.save('k-2'))).toBe(0);
    await expectTree(all, 'k-2', first);
  });
});

describe('where it cannot, the save is a full one, and says why once', () => {
  test('the object was replaced between restore and save', async () => {
    const all = fleet();
    const first = all.job();
    const second = await changedJob(all, first);
    await first.save('k-1', { overwrite: true, recordDirectory: undefined });
    expect(reused(await second.save('k-2'))).toBe(0);
    expect(second.lines).toEqual([
      'info: The cache is saved in full: the cache that was restored has been replaced.',
    ]);
    await expectTree(all, 'k-2', second);
    expect(await all.store.abortStale('', 0)).toBe(0);
  });

  test('the object was deleted', async () => {
    const all = fleet();
    const second = await changedJob(all);
    fs.rmSync(await objectFile(all, second, 'k-1'));
    expect(reused(await second.save('k-2'))).toBe(0);
    expect(second.lines).toHaveLength(1);
    await expectTree(all, 'k-2', second);
  });

  test.each([
    [new CopyRefusedError('501'), 'the server does not copy parts of objects'],
    [
      new StoreRefusedError('access is denied', "the input 'bucket'"),
      'the server does not let the restored cache be copied',
    ],
    [new ObjectReplacedError('after the last byte'), 'the cache that was restored has been replaced'],
  ])('%o', async (error, reason) => {
    const all = fleet();
    const uploads: string[] = [];
    const refusing = withUploads(all.store, upload => ({
      async copyRange(source, range) {
        // Some bytes may be there by then: all of the upload has to go
        await upload.copyRange(source, range);
        throw error;
      },
      async abort() {
        uploads.push('aborted');
        await upload.abort();
      },
    }));
    const first = all.job();
    await changedJob(all, first);
    const second = all.job({ store: refusing });
    await second.restore('none');
    fs.symlinkSync('nowhere', path.join(second.workspace, 'tree/link'));
    expect(reused(await second.save('k-2'))).toBe(0);
    expect(second.lines).toEqual([`info: The cache is saved in full: ${reason}.`]);
    expect(uploads).toEqual(['aborted']);
    expect(await all.store.abortStale('', 0)).toBe(0);
    await expectTree(all, 'k-2', second);
  });

  test.skipIf(process.platform === 'win32')('and does not say twice what it leaves out', async () => {
    const all = fleet();
    const first = all.job();
    await changedJob(all, first);
    const second = all.job({
      store: withUploads(all.store, () => ({
        copyRange: () => Promise.reject(new CopyRefusedError('501')),
      })),
    });
    await second.restore('none');
    execFileSync('mkfifo', [path.join(second.workspace, 'tree/pipe')]);
    await second.save('k-2');
    expect(second.lines.map(line => line.split(' ', 1)[0])).toEqual(['notice:', 'info:']);
  });

  test.each<[string, (file: string) => void]>([
    ['gone', file => fs.rmSync(file)],
    ['cut short', file => fs.truncateSync(file, 1000)],
    [
      'damaged in its manifest',
      file => {
        const bytes = fs.readFileSync(file);
        bytes[600]! ^= 1;
        fs.writeFileSync(file, bytes);
      },
    ],
    ['foreign', file => fs.writeFileSync(file, 'something else')],
  ])('the record is %s', async (_, change) => {
    const all = fleet();
    const second = await changedJob(all);
    const [name, ...more] = fs.readdirSync(second.temp);
    expect(more).toEqual([]);
    change(path.join(second.temp, name!));
    for (const [key, base] of [
      ['k-2', {}],
      ['k-3', { base: undefined }],
    ] as const) {
      expect(reused(await second.save(key, base))).toBe(0);
      await expectTree(all, key, second);
    }
    expect(second.lines).toEqual([]);
  });
});

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
    await expectTree(all, 'k-2', second);
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
    await expectTree(all, 'k-2', second);
    expect(await all.store.abortStale('', 0)).toBe(0);
  });

  test('and is thrown away when the tree goes', async () => {
    const all = fleet();
    const { second, uploads } = await whileCopied(all, tree => fs.rmSync(tree, { recursive: true }));
    expect(await second.save('k-2')).toEqual({ result: 'empty' });
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
    await expectTree(all, 'k-2', second);
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
    await expect(second.save('k-2', { signal: stop.signal })).rejects.toThrow('the step was cancelled');
    expect(await all.store.head(await second.objectName('k-2'))).toBeUndefined();
    expect(await all.store.abortStale('', 0)).toBe(0);
  });

  test('cancelled during the scan: neither is anything left of what was copied by then', async () => {
    const all = fleet();
    const stop = new AbortController();
    const { second, copies } = await meanwhile(all, () => stop.abort(new Error('the step was cancelled')));
    await expect(second.save('k-2', { signal: stop.signal })).rejects.toThrow('the step was cancelled');
    expect(copies()).toBe(1);
    expect(await all.store.head(await second.objectName('k-2'))).toBeUndefined();
    expect(await all.store.abortStale('', 0)).toBe(0);
  });

  test('a file that does not hold still: the copy under way is given up', async () => {
    const all = fleet();
    const { second } = await meanwhile(all, tree => fs.truncateSync(`${tree}/a`, 20_000_000));
    await expect(second.save('k-2')).rejects.toThrow(/a changed while it was read$/);
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
    await expectTree(all, 'k-3', second);
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

/** Where the directory store keeps what stands under `key`. */
async function objectFile({ store }: Fleet, job: Job, key: string): Promise<string> {
  const name = await job.objectName(key);
  const { sizeBytes } = (await store.head(name))!;
  const objects = path.join(job.workspace, '../../objects');
  const file = fs
    .readdirSync(objects, { recursive: true, withFileTypes: true })
    .map(found => path.join(found.parentPath, found.name))
    .find(found => found.includes(`/${key}/`) && fs.statSync(found).size === sizeBytes);
  expect(file).toBeDefined();
  return file!;
}
