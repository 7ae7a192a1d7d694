import path from 'node:path';
import { expect, test } from 'vitest';
import { leadsOutside, wayToTarget } from '../../../../src/archive/fs/paths/link-target.ts';
import { posix, requires } from '../../../support/platform-needs.ts';
import { layoutIn } from '../../support/archives.ts';

test(
  'the way to a target has the target and each directory above it, without the root',
  requires(posix),
  () => {
    expect(wayToTarget('/work/tree/link', '../other/file')).toEqual([
      '/work/other/file',
      '/work/other',
      '/work',
    ]);
    expect(wayToTarget('/work/tree/link', '/usr/lib')).toEqual(['/usr/lib', '/usr']);
    expect(wayToTarget('/work/link', '../../..')).toEqual([]);
  },
);

test.each([
  ['tree', 'a', false],
  ['tree', '../tree/sub/b', false],
  ['tree', '../other', true],
  ['tree', '../treex', true],
  ['tree', '/etc/passwd', true],
  ['tree/*/', 'sub', false],
  ['tree/*/', 'sub/', false],
  ['tree/*/', '../other/', true],
  ['!tree/sub', 'sub/b', true],
  ['!tree/sub/', 'sub', false],
])('with the path line %s, a link in tree to %s leads outside: %s', (line, target, outside) => {
  const layout = layoutIn(path.resolve('/work'), line.startsWith('!') ? ['tree', line] : [line]);
  expect(leadsOutside(layout, path.resolve('/work/tree/link'), target)).toBe(outside);
});
