/** Restores over files that are read-only or in use, where the system itself refuses to replace them. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, constants, copyFileSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { TargetTreeError } from '../../../../src/archive/archive-errors.ts';
import { isStagingName } from '../../../../src/archive/fs/paths/staging-name.ts';
import { EXCLUSIVE, keepOpen } from '../../../support/keep-open.ts';
import { requires, windows } from '../../../support/platform-needs.ts';
import { scratch } from '../../../support/scratch.ts';
import { buildTree } from '../../../support/tree.ts';
import { layoutIn, packTree, restoreBytes } from '../../support/archives.ts';

const names = ['a', 'b', 'c'];
const treeOf = (content: string) => Object.fromEntries(names.map(name => [`tree/${name}`, content]));

/** Saves a tree whose files have the content `new`, and makes one in which it is `older`. */
async function prepare() {
  const { object } = await packTree(layoutIn(await buildTree(scratch(), treeOf('new'))));
  const to = await buildTree(scratch(), treeOf('older'));
  const at = (name: string) => join(to, 'tree', name);
  return {
    at,
    restore: (isWarm = false) => restoreBytes(object, layoutIn(to), { isWarm }),
    contents: () => names.map(name => readFileSync(at(name), 'utf8')),
    staging: () => readdirSync(join(to, 'tree')).filter(isStagingName),
  };
}

describe('on Windows, a restore', requires(windows), () => {
  test('replaces read-only files', async () => {
    const { at, restore, contents, staging } = await prepare();
    for (const name of names) chmodSync(at(name), 0o444);
    await restore();
    expect(contents()).toEqual(['new', 'new', 'new']);
    expect(staging()).toEqual([]);
  });

  test('replaces a file that a process has open', async () => {
    const { at, restore, contents } = await prepare();
    keepOpen(at('b'), constants.O_RDONLY);
    await restore();
    expect(contents()).toEqual(['new', 'new', 'new']);
  });

  test('replaces a running program, and the next restore removes the old one, also if nothing else is to do', async () => {
    const { at, restore, contents, staging } = await prepare();
    const program = at('b.exe');
    copyFileSync(process.execPath, program);
    copyFileSync(program, at('c'));
    const child = spawn(program, ['-e', 'setTimeout(() => {}, 600_000)'], { stdio: 'ignore' });
    onTestFinished(() => void child.kill());
    await once(child, 'spawn');
    const size = statSync(program).size;
    const { object } = await packTree(layoutIn(await buildTree(scratch(), { 'tree/b.exe': 'new' })));
    const layout = layoutIn(join(at('.'), '..'));
    await restoreBytes(object, layout);
    expect(readFileSync(program, 'utf8')).toBe('new');
    const [kept] = staging();
    expect(readdirSync(at(kept!)).map(name => statSync(join(at(kept!), name)).size)).toContain(size);
    child.kill();
    await once(child, 'close');
    await restoreBytes(object, layout, { isWarm: true });
    expect(staging()).toEqual([]);
    expect(existsSync(program)).toBe(true);
    await restore();
    expect(contents()).toEqual(['new', 'new', 'new']);
  });

  test('names a file that it can neither replace nor move, before it changes any', async () => {
    const { at, restore, contents, staging } = await prepare();
    const close = keepOpen(at('b'), EXCLUSIVE);
    const failure = await restore().then(
      () => expect.unreachable(),
      error => error as TargetTreeError,
    );
    expect(failure).toBeInstanceOf(TargetTreeError);
    expect(failure.message).toBe(
      `${at('b')} cannot be replaced, because a process has it open; end that process, or exclude the file with a \`!\` line in \`path\``,
    );
    expect(failure.treeChanged).toBe(false);
    close();
    expect(contents()).toEqual(['older', 'older', 'older']);
    expect(staging()).toEqual([]);
  });

  test('waits for a file that a process has open for a moment', async () => {
    const { at, restore, contents } = await prepare();
    const close = keepOpen(at('b'), EXCLUSIVE);
    setTimeout(close, 200);
    await restore();
    expect(contents()).toEqual(['new', 'new', 'new']);
  });
});
