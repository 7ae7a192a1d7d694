import * as fs from 'node:fs/promises';
import { expect, test } from 'vitest';
import { readClosingLine } from '../../support/closing-line.ts';
import { readOnlyTimes, requires, symlinks } from '../../support/platform-needs.ts';
import { expectKeptTree, keepTree, shared, sharedStore, sharedTree } from '../cross-os.ts';
import { expectResult, Job } from '../job.ts';
import { describeStores } from '../stores.ts';

describeStores(store => {
  test('a cache of Linux is restored on Windows: content, hard links and times', async () => {
    const job = new Job(await sharedStore(store));
    expectResult(await job.restore(shared('from-linux')), 'hit');
    await expectKeptTree('from-linux', await job.tree());
  });

  test('a tree is saved on Windows for Linux', async () => {
    const job = new Job(await sharedStore(store));
    await job.build(sharedTree('Windows'));
    expectResult(await job.save(shared('from-windows')), 'saved');
    await keepTree('from-windows', await job.tree());
  });

  test.each([
    ['odd-names', /a:b\?/],
    ['case-twins', /readme/i],
  ])('a cache of Linux that Windows cannot hold (%s) is a miss, and is not replaced', async (key, name) => {
    const job = new Job(await sharedStore(store));
    const main = await job.main(shared(key));
    expect(readClosingLine(main.stdout)?.result).toBe('miss');
    expect(main.exitCode).toBe(0);
    expect(main.stdout).toMatch(name);
    expect(main.stdout).not.toContain('damaged');
    await job.build({ 'tree/other': 'saved by Windows' });
    const post = await job.post(shared(key), main);
    expect(readClosingLine(post.stdout)?.result).not.toBe('saved');
    expect(post.exitCode).toBe(0);
  });

  test('an incremental save on Windows follows a cache of Linux', async () => {
    const job = new Job(await sharedStore(store));
    const step = { ...shared('from-both'), 'restore-keys': 'from-linux' };
    const main = await job.main(step);
    expectResult(main, 'partial');
    await job.build({ 'tree/added': { content: 'added on Windows', mtime: 981_173_106_000_000 } });
    expectResult(await job.post(step, main), 'saved');
    await keepTree('from-both', await job.tree());
  });

  test('symlinks and read-only files of Linux are restored', requires(symlinks, readOnlyTimes), async () => {
    const job = new Job(await sharedStore(store));
    expectResult(await job.restore(shared('links')), 'hit');
    expect(await fs.readFile(job.at('tree/sub/link'), 'utf8')).toBe('target');
    for (const name of ['tree/target/file', 'tree/large'])
      expect((await fs.stat(job.at(name))).mode & 0o222).toBe(0);
    expectResult(await job.save(shared('links-of-windows')), 'saved');
  });
});
