import { execFileSync } from 'node:child_process';
import { utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { readEntry } from '../../../src/archive/scan/read-entry.ts';
import { linux, requires } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';
import { buildTree, describeTree } from '../../support/tree.ts';
import { layoutIn, packTree, restoreBytes } from '../support/archives.ts';
import { saveAndRestore } from '../support/save-and-restore.ts';

const COMPONENT = 'd'.repeat(250);

/** Makes nested directories below `root` by relative steps, the last ones beyond PATH_MAX, each with a file `f`. */
function nestDirectories(root: string, levels: number): void {
  const script = 'for i in $(seq "$1"); do mkdir "$2" && cd -P "$2" && echo x > f || exit 1; done';
  execFileSync('bash', ['-c', script, 'bash', String(levels), COMPONENT], { cwd: root });
  // Node removes a tree by its absolute paths
  onTestFinished(() => void execFileSync('rm', ['-rf', join(root, COMPONENT)]));
}

describe('a tree with paths of PATH_MAX bytes and more is saved without them', requires(linux), () => {
  const why = 'longer than the system allows a path to be';

  test.each<[string[], string[]]>([
    [['tree'], [why]],
    [['tree/**'], [why]],
    // The directory that cannot be read has no path that could match
    [['tree/**/f', 'tree/a'], []],
  ])('%j', async (patterns, reasons) => {
    const from = await buildTree(scratch(), { 'tree/a': 'a', 'tree/z': 'z' });
    nestDirectories(join(from, 'tree'), 20);
    const { to, skipped } = await saveAndRestore(from, patterns);
    expect(skipped.map(line => line.split(': ')[1])).toEqual(reasons);
    const restored = Object.keys(await describeTree(to));
    expect(restored).toContain('tree/a');
    expect(restored.filter(name => name.endsWith(`${COMPONENT}/f`)).length).toBeGreaterThan(13);
  });
});

test.each([['tree/link'], ['tree/*/'], ['tree/**/x']])(
  'a link whose target is longer than the system allows does not fail a save of %s',
  requires(linux),
  async pattern => {
    const tree = { 'tree/link': { symlink: 'x'.repeat(300) }, 'tree/a': 'a' };
    const from = await buildTree(scratch(), tree);
    const { object } = await packTree(layoutIn(from, [pattern, 'tree/a']));
    const to = scratch();
    await restoreBytes(object, layoutIn(to, [pattern, 'tree/a']));
    expect(Object.keys(await describeTree(to))).toContain('tree/a');
  },
);

test('the time of a file with data is read with its data unless the status is exact', () => {
  const root = scratch();
  for (const [name, content] of [
    ['full', 'data'],
    ['empty', ''],
  ] as const) {
    writeFileSync(join(root, name), content);
    utimesSync(join(root, name), 1000, 1000);
  }
  for (const exact of [false, true]) {
    const read = (name: string) =>
      readEntry(join(root, name), `./${name}`, { follow: false, exact, skip() {} });
    expect([read('full')?.mtimeUs, read('empty')?.mtimeUs]).toEqual([exact ? 1e9 : 0, 1e9]);
    expect([read('full')?.size, read('empty')?.size]).toEqual([4, 0]);
  }
});
