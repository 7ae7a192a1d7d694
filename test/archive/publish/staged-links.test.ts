import { statSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Platform } from '../../../src/archive/fs/platform.ts';
import { failed, instead } from '../../support/file-system-calls.ts';
import { linux, posix, requires } from '../../support/platform-needs.ts';
import { describeTree } from '../../support/tree.ts';
import { staged } from './staged.ts';

test('symlinks get the type of their target on a system with typed links', async () => {
  const types: Record<string, unknown> = {};
  const archived = {
    'tree/0-before': { symlink: 'z/deep' },
    'tree/1-folded': { symlink: 'Z/DEEP' },
    'tree/2-file': { symlink: 'z/file' },
    'tree/3-nowhere': { symlink: 'nowhere' },
    'tree/a/b/up': { symlink: '../../z' },
    'tree/z/deep/x': 'x',
    'tree/z/file': 'x',
  };
  instead('symlinkSync', symlink => (target, path, type) => {
    types[String(target)] = type;
    symlink(target, path, type);
  });
  await staged(archived, {}, { typesLinks: true });
  expect(types).toEqual({
    'z/deep': 'dir',
    'Z/DEEP': 'dir',
    'z/file': 'file',
    nowhere: 'file',
    '../../z': 'dir',
  });
});

test('symlinks get no type on a system without typed links', async () => {
  const types: unknown[] = [];
  instead('symlinkSync', symlink => (target, path, type) => {
    types.push(type);
    symlink(target, path, type);
  });
  await staged({ 'tree/a': { symlink: 'b' } }, {}, { typesLinks: false });
  expect(types).toEqual([null]);
});

test(
  'only the user of the restore can enter staging, even in a directory that all users may write to',
  requires(posix),
  async () => {
    const everyone = { directory: true, mode: 0o777 } as const;
    const archived = { 'tree/open': { content: 'x', mode: 0o666 }, tree: everyone };
    const { plan } = await staged(archived, { tree: everyone });
    expect(plan.areas).toHaveLength(1);
    for (const { path } of plan.areas) expect(statSync(path).mode & 0o7777).toBe(0o700);
  },
);

describe('a hard link to a symlink becomes a symlink of its own', requires(linux), () => {
  const archived = {
    'tree/a': { symlink: 'x', mtime: 1_600_000_000_000_000 },
    'tree/b': { hardlink: 'tree/a' },
  };

  async function restored(platform: Partial<Platform>) {
    const { publish, to, refused } = await staged(archived, {}, platform);
    await publish();
    const { 'tree/a': a, 'tree/b': b } = await describeTree(to);
    expect(a).toMatchObject({ type: 'symlink', target: 'x' });
    expect(b).toEqual(a);
    // The link counts as a hard link that became a copy
    expect(refused.counts).toMatchObject({ hardLinks: 1 });
  }

  test('on a system that links to the target instead', async () => {
    await restored({ joinsSymlinks: false });
  });

  test('on a file system that refuses it', async () => {
    instead('linkSync', () => () => {
      throw failed('EPERM', 'b');
    });
    await restored({});
  });
});
