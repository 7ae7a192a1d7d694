import { expect, test } from 'vitest';
import { readClosingLine } from '../../support/closing-line.ts';
import { incompressible } from '../../support/random.ts';
import { expectResult, Job } from '../job.ts';
import { describeStores } from '../stores.ts';

describeStores(store => {
  test('path lines may end with CR LF, have backslashes and other case, and exclude', async () => {
    const inputs = await store.open();
    const [from, to] = [new Job(inputs), new Job(inputs)];
    await from.build({
      'Tree/Sub/a.txt': 'a',
      'Tree/Sub/b.log': 'b',
      'Tree/skip/c.txt': 'c',
      'other/d': 'd',
    });
    const path = 'tree\\*\r\n!tree\\SKIP\r\nother\r\n';
    expectResult(await from.save({ key: 'k', path }), 'saved');
    expectResult(await to.restore({ key: 'k', path }), 'hit');
    // The directory has the spelling of the path line
    expect(Object.keys(await to.tree('.')).map(name => name.toLowerCase())).toEqual([
      'other',
      'other/d',
      'tree',
      'tree/sub',
      'tree/sub/a.txt',
      'tree/sub/b.log',
    ]);
  });

  test('restore-keys find the newest cache, lookup-only restores nothing', async () => {
    const inputs = await store.open();
    const [from, to] = [new Job(inputs), new Job(inputs)];
    await from.build({ 'tree/a': '1' });
    expectResult(await from.save({ key: 'npm-1' }), 'saved');
    await from.build({ 'tree/a': '22' });
    expectResult(await from.save({ key: 'npm-2' }), 'saved');
    const looked = await to.restore({ key: 'npm-2', 'lookup-only': 'true' });
    expect(looked.outputs['cache-hit']).toBe('true');
    expect(await to.tree('.')).toEqual({});
    const found = await to.restore({ key: 'npm-3', 'restore-keys': 'npm-' });
    expectResult(found, 'partial');
    expect(found.outputs['cache-matched-key']).toBe('npm-2');
    expect(await to.tree()).toEqual(await from.tree());
  });

  test('fail-on-cache-miss fails the step of a miss', async () => {
    const job = new Job(await store.open());
    const phase = await job.restore({ key: 'no', 'fail-on-cache-miss': 'true' });
    expect(readClosingLine(phase.stdout)?.result).toBe('miss');
    expect(phase.exitCode).toBe(1);
  });

  test('main and post save a miss, and a hit is not saved again', async () => {
    const inputs = await store.open();
    const first = new Job(inputs);
    const miss = await first.main({ key: 'k' });
    expectResult(miss, 'miss');
    await first.build({ 'tree/a': 'a' });
    expectResult(await first.post({ key: 'k' }, miss), 'saved');
    const second = new Job(inputs);
    const hit = await second.main({ key: 'k' });
    expectResult(hit, 'hit');
    expect((await second.post({ key: 'k' }, hit)).stdout).toContain('not saving cache');
  });

  test('an incremental save stores what changed, and nothing else is packed again', async () => {
    const inputs = await store.open();
    const [from, next, last] = [new Job(inputs), new Job(inputs), new Job(inputs)];
    const ballast = Array.from({ length: 40 }, (_, index) => [
      `tree/ballast/${index}`,
      incompressible(400_000, `${index}`),
    ]);
    await from.build({
      ...Object.fromEntries(ballast),
      'tree/a': 'first',
      'tree/empty': '',
      'tree/nothing': { directory: true },
    });
    expectResult(await from.save({ key: 'k-1' }), 'saved');
    const partial = await next.main({ key: 'k-2', 'restore-keys': 'k-' });
    expectResult(partial, 'partial');
    await next.build({ 'tree/a': 'second' });
    const saved = await next.post({ key: 'k-2', 'restore-keys': 'k-' }, partial);
    expectResult(saved, 'saved');
    const { bytes, reused } = readClosingLine(saved.stdout)!;
    expect(Number(reused)).toBeGreaterThan(0);
    expect(Number(bytes) - Number(reused)).toBeLessThan(20_000);
    expectResult(await last.restore({ key: 'k-2' }), 'hit');
    expect(await last.tree()).toEqual(await next.tree());
  });
});
