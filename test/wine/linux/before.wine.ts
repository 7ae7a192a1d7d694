import { test } from 'vitest';
import { keepTree, shared, sharedStore, sharedTree } from '../cross-os.ts';
import { expectResult, Job } from '../job.ts';
import { describeStores } from '../stores.ts';

describeStores(store => {
  test('Linux saves a tree with enableCrossOsArchive', async () => {
    const job = new Job(await sharedStore(store));
    await job.build(sharedTree('Linux'));
    expectResult(await job.save(shared('from-linux')), 'saved');
    await keepTree('from-linux', await job.tree());
  });

  test('Linux saves a tree with names that Windows cannot have', async () => {
    const job = new Job(await sharedStore(store));
    await job.build({ 'tree/a:b?': 'not for Windows', 'tree/fine': 'fine' });
    expectResult(await job.save(shared('odd-names')), 'saved');
  });

  test('Linux saves a tree with names that differ in case', async () => {
    const job = new Job(await sharedStore(store));
    await job.build({ 'tree/README': 'one', 'tree/readme': 'two' });
    expectResult(await job.save(shared('case-twins')), 'saved');
  });

  test('Linux saves symlinks and read-only files', async () => {
    const job = new Job(await sharedStore(store));
    await job.build({
      'tree/target/file': { content: 'target', mode: 0o444 },
      'tree/large': { content: 'x'.repeat(9 * 1024 * 1024), mode: 0o444 },
      'tree/sub/link': { symlink: '../target/file' },
    });
    expectResult(await job.save(shared('links')), 'saved');
  });
});
