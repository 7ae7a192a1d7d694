import path from 'node:path';
import { expect, test } from 'vitest';
import { leadsOutside, leadsThroughLink } from '../../../../src/archive/fs/paths/link-target.ts';
import { posix, requires } from '../../../support/platform-needs.ts';
import { layoutIn } from '../../support/archives.ts';

test(
  'a link leads through its target and each directory above it that is another link, but not through the root',
  requires(posix),
  () => {
    const passed: string[] = [];
    const leads = (path: string, target: string, link = '') =>
      leadsThroughLink(path, target, at => passed.push(at) > 0 && at === link);
    expect(leads('/work/tree/link', '../other/file')).toBe(false);
    expect(passed.splice(0)).toEqual(['/work/other/file', '/work/other', '/work']);
    expect(leads('/work/tree/link', '/usr/lib', '/usr')).toBe(true);
    expect(leads('/work/link', '../../..', '/')).toBe(false);
    expect(leads('/work/link', 'link', '/work/link')).toBe(false);
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
