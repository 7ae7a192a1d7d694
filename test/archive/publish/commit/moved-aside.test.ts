import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { MovedAside } from '../../../../src/archive/publish/commit/moved-aside.ts';
import { StagingArea } from '../../../../src/archive/publish/staging/staging-area.ts';
import { failed, instead } from '../../../support/file-system-calls.ts';
import { scratch } from '../../../support/scratch.ts';
import { buildTree, type TreeSpec } from '../../../support/tree.ts';
import { usePlatform } from '../../support/platform.ts';
import { visible } from '../staged.ts';

const spec: TreeSpec = {
  'directory/deep/x': 'x',
  'directory/y': 'y',
  directory: { directory: true, mode: 0o750, mtime: 1_500_000_000_000_000 },
  file: { content: 'file', mode: 0o640, mtime: 1_500_000_000_000_000 },
  link: { symlink: 'file' },
};

/** Makes a directory of `spec` with a staging area. */
async function prepare() {
  const root = await buildTree(scratch(), spec);
  const area = new StagingArea(root, statSync(root).dev, '1-00000000');
  area.create();
  return {
    root,
    at: (name: string) => join(root, name),
    parent: { path: root, area },
    aside: new MovedAside(),
  };
}

describe('MovedAside', () => {
  test('moves directories, files and links aside and back, with the attributes of directories', async () => {
    const { root, at, parent, aside } = await prepare();
    const before = await visible(root);
    aside.moveDirectoryAside(at('directory'), parent);
    aside.moveFileAside(at('file'), parent);
    expect(aside.tryMoveInUseAside(at('link'), parent)).toBe(true);
    expect(Object.keys(await visible(root))).toEqual(['.']);
    expect([...aside.parents]).toEqual([root]);
    expect(await aside.putBack()).toEqual([]);
    const { '.': _, ...tree } = await visible(root);
    const { '.': __, ...expected } = before;
    expect(tree).toEqual(expected);
  });

  test('leaves an item aside whose path was taken meanwhile', async () => {
    const { at, parent, aside } = await prepare();
    aside.moveFileAside(at('file'), parent);
    writeFileSync(at('file'), 'new');
    expect(await aside.putBack()).toEqual([]);
    expect(readFileSync(at('file'), 'utf8')).toBe('new');
  });

  test('returns the item that it cannot put back, because its parent was removed', async () => {
    const { at } = await prepare();
    const inner = at('directory');
    const area = new StagingArea(at('.'), statSync(at('.')).dev, '2-00000000');
    area.create();
    const aside = new MovedAside();
    aside.moveFileAside(join(inner, 'y'), { path: inner, area });
    rmSync(inner, { recursive: true });
    const [kept, ...others] = await aside.putBack();
    expect([kept?.path, others]).toEqual([join(inner, 'y'), []]);
    expect(readFileSync(kept!.aside, 'utf8')).toBe('y');
  });

  test.each<[string, (at: (name: string) => string) => void]>([
    ['was removed', at => rmSync(at('directory'), { recursive: true })],
    [
      'was replaced by a file',
      at => {
        rmSync(at('directory'), { recursive: true });
        writeFileSync(at('directory'), 'theirs');
      },
    ],
    [
      'was replaced by a link',
      at => {
        rmSync(at('directory'), { recursive: true });
        renameSync(at('link'), at('directory'));
      },
    ],
  ])('does not move what is at the path of a directory that %s', async (_, change) => {
    const { root, at, parent, aside } = await prepare();
    change(at);
    const before = await visible(root);
    aside.moveDirectoryAside(at('directory'), parent);
    expect(await visible(root)).toEqual(before);
    expect([...aside.parents]).toEqual([]);
  });

  test('does not move a directory that has taken the place of a file', async () => {
    const { at, parent, aside } = await prepare();
    rmSync(at('file'));
    mkdirSync(at('file'));
    writeFileSync(join(at('file'), 'theirs'), 'x');
    const { ino } = lstatSync(at('file'));
    const moved: unknown[] = [];
    instead('renameSync', rename => (from, to) => {
      rename(from, to);
      moved.push(from);
    });
    aside.moveFileAside(at('file'), parent);
    expect([lstatSync(at('file')).ino, moved]).toEqual([ino, []]);
    expect([...aside.parents]).toEqual([]);
  });

  test('does not move a file that takes the place of a directory right before the move', async () => {
    const { at, parent, aside } = await prepare();
    instead('renameSync', rename => (from, to) => {
      rmSync(at('directory'), { recursive: true });
      writeFileSync(at('directory'), 'theirs');
      rename(from, to);
    });
    aside.moveDirectoryAside(at('directory'), parent);
    expect(readFileSync(at('directory'), 'utf8')).toBe('theirs');
    expect([...aside.parents]).toEqual([]);
  });

  test('fails for a directory in which a file system is mounted', async () => {
    const { root, at, parent, aside } = await prepare();
    const before = await visible(root);
    usePlatform({ listsMounts: true });
    const mount = `1 0 8:1 / ${at('directory/deep')} rw - ext4 /dev/sda1 rw`;
    instead(
      'readFileSync',
      call =>
        ((...options: Parameters<typeof call>) =>
          options[0] === '/proc/self/mountinfo' ? Buffer.from(mount) : call(...options)) as typeof call,
    );
    expect(() => aside.moveDirectoryAside(at('directory'), parent)).toThrow('is a mount point');
    expect(await visible(root)).toEqual(before);
  });

  test('puts back the latest of two files that were moved from one path', async () => {
    const { at, parent, aside } = await prepare();
    aside.moveFileAside(at('file'), parent);
    writeFileSync(at('file'), 'latest');
    aside.moveFileAside(at('file'), parent);
    expect(await aside.putBack()).toEqual([]);
    expect(readFileSync(at('file'), 'utf8')).toBe('latest');
  });

  test('puts a directory back at once that a system renames over a file, as Windows does', async () => {
    const { at, parent, aside } = await prepare();
    rmSync(at('file'));
    mkdirSync(join(at('file'), 'theirs'), { recursive: true });
    instead('renameSync', rename => (from, to) => {
      if (existsSync(to) && statSync(from).isDirectory() && statSync(to).isFile()) rmSync(to);
      rename(from, to);
    });
    aside.moveFileAside(at('file'), parent);
    expect(readdirSync(at('file'))).toEqual(['theirs']);
    expect([...aside.parents]).toEqual([]);
  });

  test('fails for a directory or a file that cannot be moved, which stays', async () => {
    const { root, at, parent, aside } = await prepare();
    const before = await visible(root);
    instead('renameSync', () => from => {
      throw failed('EIO', from);
    });
    expect(() => aside.moveDirectoryAside(at('directory'), parent)).toThrow('EIO');
    expect(() => aside.moveFileAside(at('file'), parent)).toThrow('EIO');
    expect(aside.tryMoveInUseAside(at('file'), parent)).toBe(false);
    expect(await visible(root)).toEqual(before);
    expect([...aside.parents]).toEqual([]);
  });

  test('keeps in staging what it has moved of a directory whose move was neither completed nor undone', async () => {
    const { at, parent, aside } = await prepare();
    let renames = 0;
    instead('renameSync', rename => (from, to) => {
      // The directory as a whole, then its second item, then the way back of the first
      if (++renames === 1) throw failed('EXDEV', from);
      if (renames > 2) throw failed('EIO', from);
      rename(from, to);
    });
    expect(() => aside.moveDirectoryAside(at('directory'), parent)).toThrow();
    expect((await aside.putBack()).map(({ path, isPart }) => [path, isPart])).toEqual([
      [at('directory'), true],
    ]);
  });
});
