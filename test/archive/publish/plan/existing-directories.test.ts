import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ExistingDirectories } from '../../../../src/archive/publish/plan/existing-directories.ts';
import { scratch } from '../../../support/scratch.ts';
import { buildTree, type TreeSpec } from '../../../support/tree.ts';

/** Builds a directory with `present` in it, and lists it as the plan of a restore does. */
async function listed(present: TreeSpec) {
  const path = await buildTree(scratch(), present);
  const found = new ExistingDirectories({ runLabel: '1-00000000', isWanted: () => true });
  const parent = found.add({ path, entry: -1, stats: statSync(path) });
  return { path, found, parent };
}

test('a plan accepts an obstacle that another job has moved away since it was listed', async () => {
  const { path, found, parent } = await listed({ 'a/inside': 'x' });
  expect(found.kindOf(parent, 'a')).toBe('directory');
  rmSync(join(path, 'a'), { recursive: true });
  expect(() => found.requireMovable(join(path, 'a'), parent)).not.toThrow();
});
