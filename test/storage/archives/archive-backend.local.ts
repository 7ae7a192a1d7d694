import { appendFileSync, utimesSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { SourceTreeError } from '../../../src/archive/archive-errors.ts';
import { incompressible } from '../../support/random.ts';
import { buildTree, describeTree } from '../../support/tree.ts';
import { withUploads } from '../incremental/jobs.ts';
import { contentIn, directoryJobs, jobWith } from './directory-jobs.ts';

describe('a save', () => {
  test('stores a tree that another job restores', async () => {
    const { job } = directoryJobs();
    const first = await jobWith(job, 'one');
    expect(await first.saveInFull('k')).toMatchObject({ kind: 'saved', source: 'directory', entries: 4 });
    const second = job();
    expect(await second.restore('k')).toMatchObject({
      key: 'k',
      exact: true,
      source: 'directory',
      entries: 4,
      rawBytes: 8,
    });
    expect(await describeTree(second.workspace)).toEqual(await describeTree(first.workspace));
  });

  test('writes its key, version, paths and origin into the manifest', async () => {
    const { job } = directoryJobs();
    const first = await jobWith(job, 'one');
    const origin = { repository: 'octo/app', sha: '0123abc', runAttempt: '3' };
    await first.save('k', { record: false, origin });
    const { manifest, name } = await first.open('k');
    expect(manifest.head).toEqual({
      tool: 'cache-s3/0.0.0',
      object: name,
      key: 'k',
      version: name.slice(-72, -'.tar.zst'.length),
      paths: ['tree'],
      platform: process.platform,
      origin,
    });
  });

  test('never replaces a key without overwrite', async () => {
    const { job } = directoryJobs();
    await (await jobWith(job, 'one')).saveInFull('k');
    const second = await jobWith(job, 'two');
    expect(await second.saveInFull('k')).toEqual({ kind: 'exists', source: 'directory' });
    const reader = job();
    await reader.restore('k');
    expect(contentIn(reader)).toBe('one');
    expect(await second.save('k', { overwrite: true, record: false })).toMatchObject({
      kind: 'saved',
    });
    await reader.restore('k');
    expect(contentIn(reader)).toBe('two');
  });

  test('of one key by several jobs at once stores one whole object, and all succeed', async () => {
    const { job } = directoryJobs();
    const jobs = await Promise.all(['a', 'b', 'c', 'd'].map(content => jobWith(job, content)));
    const outcomes = await Promise.all(jobs.map(each => each.saveInFull('k')));
    expect(outcomes.filter(({ kind }) => kind === 'saved').length).toBe(1);
    expect(outcomes.filter(({ kind }) => kind === 'exists').length).toBe(3);
    const winner = jobs[outcomes.findIndex(({ kind }) => kind === 'saved')]!;
    const reader = job();
    await reader.restore('k');
    expect(contentIn(reader)).toBe(contentIn(winner));
  });

  test('of paths that do not exist stores nothing', async () => {
    const { job, root } = directoryJobs();
    expect(await job().saveInFull('k')).toEqual({ kind: 'empty' });
    expect(await readdir(root)).toEqual([]);
  });

  test('aborts uploads that killed jobs left a day ago in its scope, and neither younger ones nor those of other programs', async () => {
    const { job, store, files } = directoryJobs();
    const first = await jobWith(job, 'one');
    const other = job({ refs: ['refs/heads/other'] });
    const old = first.objectName('old');
    const uploads = await Promise.all(
      [
        old,
        `${path.posix.dirname(old)}/foreign`,
        first.objectName('young'),
        other.objectName('elsewhere'),
      ].map(async name => {
        const upload = store.createUpload(name, { partSizeBytes: 5_242_880, onlyIfAbsent: true });
        await upload.write(Buffer.from('begun'));
        return upload;
      }),
    );
    for (const { name, parentPath } of await files()) {
      const seconds = Date.now() / 1000 - (parentPath.endsWith('young') ? 23 : 25) * 3600;
      utimesSync(path.join(parentPath, name), seconds, seconds);
    }
    await first.saveInFull('k');
    expect(first.lines).toEqual(['info: Aborted 1 unfinished upload of earlier jobs.']);
    const left = (await files()).map(({ parentPath }) => path.basename(parentPath));
    expect(left.toSorted()).toEqual(['elsewhere', 'k', 'old', 'young']);
    for (const upload of uploads) await upload.abort();
  });

  test('that is cancelled leaves the key free and nothing in the store', async () => {
    const { job, store, files } = directoryJobs();
    const stop = new AbortController();
    const stopping = withUploads(store, upload => ({
      async write(bytes) {
        await upload.write(bytes);
        expect(await files()).toHaveLength(1);
        stop.abort(new Error('cancelled'));
      },
    }));
    const cancelled = job({ store: stopping });
    await buildTree(cancelled.workspace, { 'tree/a': incompressible(9_000_000) });
    const outcome = await cancelled.save('k', { record: false, signal: stop.signal });
    expect(outcome).toEqual({ kind: 'cancelled', mayBeVisible: false });
    expect(await files()).toEqual([]);
    expect(await (await jobWith(job, 'x')).saveInFull('k')).toMatchObject({ kind: 'saved' });
  });

  test('of a tree that keeps changing fails and stores nothing', async () => {
    const { job, files } = directoryJobs();
    const failing = job();
    await buildTree(failing.workspace, { 'tree/log': Buffer.alloc(60_000_000) });
    const timer = setInterval(() => appendFileSync(path.join(failing.workspace, 'tree/log'), 'x'), 1);
    expect(await failing.saveInFull('k')).toMatchObject({
      kind: 'failed',
      error: expect.any(SourceTreeError),
    });
    clearInterval(timer);
    expect(await files()).toEqual([]);
  });
});
