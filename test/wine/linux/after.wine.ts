import { expect, test } from 'vitest';
import { readClosingLine } from '../../support/closing-line.ts';
import { expectKeptTree, shared, sharedStore } from '../cross-os.ts';
import { expectResult, Job } from '../job.ts';
import { describeStores } from '../stores.ts';

describeStores(store => {
  test('a cache of Windows is restored on Linux: content, hard links, times, and no executable bit', async () => {
    const job = new Job(await sharedStore(store));
    expectResult(await job.restore(shared('from-windows')), 'hit');
    const tree = await job.tree();
    await expectKeptTree('from-windows', tree);
    for (const { type, mode } of Object.values(tree)) expect(mode).toBe(type === 'directory' ? 0o755 : 0o644);
  });

  test('a cache that Linux began and Windows continued is restored on Linux', async () => {
    const job = new Job(await sharedStore(store));
    expectResult(await job.restore(shared('from-both')), 'hit');
    await expectKeptTree('from-both', await job.tree());
  });

  test.each([
    ['odd-names', ['a:b?', 'fine']],
    ['case-twins', ['README', 'readme']],
  ])('the cache %s, which Windows could not hold, is still the one of Linux', async (key, names) => {
    const job = new Job(await sharedStore(store));
    const phase = await job.restore(shared(key));
    expect(readClosingLine(phase.stdout)?.result).toBe('hit');
    expect(Object.keys(await job.tree())).toEqual(names);
  });
});
