import { describe, expect, test } from 'vitest';
import { openArchive } from '../../../src/archive/format/open-archive.ts';
import { buildTree, describeTree, type TreeSpec } from '../../support/tree.ts';
import { layoutIn, restoreObject, tailOf } from '../support/archives.ts';
import { scratch } from '../support/scratch.ts';
import { checkTar } from '../support/tar-check.ts';

/**
 * An object as release 0.1.0 wrote it, of a user who is not root. It lies in buckets by now: whatever changes in the
 * code that writes and reads archives, this one is read, or the format has another number.
 */
const object = Buffer.from(
  [
    'KLUv/WAAP8UPALaROSqAqekzMI2STMiEdvxp29y6GdP2TdZurYGVccWURSul3HvL3F70BtkB3QEqAC4ALgAsQVafa5lsLtph',
    'orO4/SqCUXpMS+0u/yofN3apnPv/v7f/r6JWYBtMMCGw+VLPfPL/t26RiQZkLJYIHesNWVAgQDgoWMSWIrgwImVZqe+pSzX+',
    'r8qsO4oBrS21j9uZeUAjJFhHvTy01DRLHB6mWQpl3jh15Mb6bpgG62Z7MojocPqbAg8TA7mUy6Y8EKMlZJHYwzAwgIC3ym+p',
    'nkfU3B/oUei0nL7MzKdATgI15Kq6pzYPBXICYaihFVWoihYmw3bwAhGJZITWARJgIRQHESAUAQJBFAYhBCMIgkAIQqAQjBAk',
    'BDzk6Af8AZ+moCb3QKFHsCXi3wHjAB6YYwN+DEQejwNAtB0GbBnjrEep/ZAaD3CkPnGFAT/qD2h3fo+xUtU1QEqhxoCmukeW',
    'zhX3DYjRgaUgBnU/FgYoRE05lMybHYgCf4DMgLUBWV3vbPuiVflyZFivGIrj7Wf62IA3jdQAwopm81udFzng81zGnOYXn5x6',
    'XeSAsQQGQJM+GGC7BGNjBvRbA6/9PK3fD6DbjXnV5Z+xuKEDwors8m6BASNgBCetAXTAwlva8AB8wRdAD+n+KhOOZYEsBquc',
    'TR34W8LL8rAgDSi1L/1gAANNAAAQAAABAPsrgAVRKk0YqwEAAENTM00BAAAAKLUv/WQsAa0MANbYVz8wT9McIDxqt7bYtW57',
    'hOlstij8wIOpnfABTX4Yj0GjNLZ3Z72/belWDe2NEQNKwCsSlFSkVA114zOEsC01kgJEAEIATAAOuLtebiDZWm6EYceRJU9K',
    '2dof7CRr+sKOr63wanRfhJq+QAiwQgo9PljylVpCBMqO44svwgPWQFukSGLJFaWXQX7GERf+d7Dr+t8kIf+fzSZS9c5m5yHZ',
    'thXVyd6ZoRK7eKPasyvsNlwhrfRSlmK6MojkSVWoStkxhcykKpZsVTrdqMKwC+xh/z85ZVKp7Wemviedp1Dr0cphVxkKtX6Z',
    'VPWuqOlQczFW38UUSYfw/U9AQCTEhgzvgwoELESaBhQepAwIQ8QJEq/DC7aAQwsGDwIdl4IrXvH6z/FfMtH4CBOwa1smtK0a',
    'PgGfHMAPfeMhFiCmIYGgANCKFCMxQGAo0Dit066H83TajMZpJdpI6/wf0P6z5+yMsRMAHRNITAm4AAAjrIyoKYthQlgrWZDJ',
    'utEzEtNy4waVZAx66QV1HRUTpRETQMTJF2nLGde+M9ReKk0YGQAAAAICAAAAQAAAEwAAAAAEAAACAAAAALHqko8=',
  ].join(''),
  'base64',
);

const time = 1_600_000_000_123_456;
const notUtf8 = `hex:${Buffer.from('tree/caf\xe9', 'latin1').toString('hex')}`;
const spec: TreeSpec = {
  tree: { directory: true, mode: 0o755, mtime: time },
  'tree/file': { content: 'text\n', mode: 0o644, mtime: time + 1 },
  'tree/run': { content: '#!/bin/sh\n', mode: 0o755, mtime: 0 },
  'tree/none': { content: '', mode: 0o600, mtime: time + 2 },
  'tree/second': { hardlink: 'tree/file' },
  'tree/link': { symlink: '../elsewhere/ü', mtime: time + 3 },
  'tree/empty': { directory: true, mode: 0o700, mtime: time + 4 },
  'tree/module/go.mod': { content: 'module x\n', mode: 0o444, mtime: time + 5 },
  'tree/module': { directory: true, mode: 0o555, mtime: time + 6 },
  [notUtf8]: { content: 'latin-1', mode: 0o640, mtime: time + 7 },
};

describe('an object of an earlier release', () => {
  test.runIf(process.platform === 'linux')('is restored as the tree that was saved', async () => {
    const expected = await describeTree(await buildTree(scratch(), spec));
    const to = scratch();
    await restoreObject(object, await layoutIn(to));
    expect(await describeTree(to)).toEqual(expected);
  });

  test('says what it is', async () => {
    const { manifest } = await openArchive(tailOf(object), object.length, () => Promise.reject());
    expect(manifest.head).toEqual({
      tool: 'cache-s3/0.0.0',
      object: 'v1/o/r/_/key/0.tar.zst',
      key: 'key',
      version: '0'.repeat(64),
      paths: ['tree'],
      platform: 'linux',
      origin: { repository: 'o/r' },
      generation: 0,
    });
    await checkTar(object);
  });
});
