import { describe, expect, test } from 'vitest';
import { RootPaths } from '../../../../src/archive/fs/paths/nesting.ts';
import { posix, requires } from '../../../support/platform-needs.ts';

describe('root paths', requires(posix), () => {
  test('the nearest root above a path is found with the components in between', () => {
    const paths = new RootPaths<string>(path => path);
    for (const path of ['/a', '/a/b/c', '/z']) paths.add(path, path);
    expect(paths.nearestAbove('/a/b/c/d/e')).toEqual({ root: '/a/b/c', components: ['d', 'e'] });
    expect(paths.nearestAbove('/a/b/c')).toEqual({ root: '/a', components: ['b', 'c'] });
    expect(paths.nearestAbove('/a')).toBeUndefined();
    expect(paths.nearestAbove('/ab/c')).toBeUndefined();
  });

  test('a second root of a path is not added, and the first one is returned', () => {
    const paths = new RootPaths<string>(path => path.toLowerCase());
    expect(paths.add('/A', 'first')).toBeUndefined();
    expect(paths.add('/a', 'second')).toBe('first');
    expect(paths.nearestAbove('/a/x')?.root).toBe('first');
  });
});
