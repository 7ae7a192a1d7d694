import { expect, test } from 'vitest';
import { parentName } from '../../../src/archive/format/entry.ts';
import { OpenDirectories } from '../../../src/archive/format/open-directories.ts';
import { compareNames } from '../../../src/archive/fs/paths/names.ts';
import { randomShare } from '../../support/random.ts';

/** Names of a few letters, some of which are directories and some begin others. */
function randomNames(seed: string): string[] {
  const names = new Set<string>();
  for (let count = 0; count < 300; count++) {
    const random = (what: string) => randomShare(`${seed} ${count} ${what}`);
    let name = ['', './', '/'][Math.floor(random('root') * 3)]!;
    for (let level = 0; level < 1 + random('levels') * 4; level++)
      name += `${level > 0 ? '/' : ''}${'a!b'[Math.floor(random(`letter ${level}`) * 3)]}`;
    names.add(random('directory') < 0.5 ? `${name}/` : name);
  }
  return [...names].sort(compareNames);
}

test.each(['1', '2', '3', '4', '5'])(
  'the parent of each name is found as in a set of all directories, tree %s',
  seed => {
    const directories = new Set<string>();
    const open = new OpenDirectories();
    let found = 0;
    for (const name of randomNames(seed)) {
      const parent = parentName(name);
      const expected = directories.has(parent) ? parent : undefined;
      expect(open.parentOf(name)?.name).toBe(expected);
      if (expected !== undefined) found++;
      if (!name.endsWith('/')) continue;
      directories.add(name);
      open.enter({ name });
    }
    expect(found).toBeGreaterThan(20);
  },
);
