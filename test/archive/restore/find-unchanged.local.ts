import * as fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { validate } from '../../../src/archive/check/validate.ts';
import { EntryType } from '../../../src/archive/format/entry.ts';
import { openArchive } from '../../../src/archive/format/open-archive.ts';
import { RestoredLinks } from '../../../src/archive/fs/links/restored-links.ts';
import type { PathLayout } from '../../../src/archive/fs/paths/layout.ts';
import { findUnchanged } from '../../../src/archive/restore/find-unchanged.ts';
import { InlineRunner } from '../../../src/archive/worker/worker.ts';
import { giveAway, runUnprivileged } from '../../support/drop-privileges.ts';
import { largeDirectories, linux, posix, requires, root } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';
import { buildTree, setMtime, type TreeSpec } from '../../support/tree.ts';
import { layoutIn, packTree, tailOf } from '../support/archives.ts';
import { entryOf } from '../support/entry-of.ts';
import { spec, time } from './warm-tree.ts';

const restoredLinks = new RestoredLinks();

async function openValid(object: Buffer, layout: PathLayout) {
  const { manifest, manifestStart } = await openArchive(tailOf(object), object.length, () => {
    throw new Error('all of it is in the tail');
  });
  return { manifest, roots: await validate(manifest, manifestStart, layout) };
}

/** Names of the changed entries after `change`, without directories. */
async function different(
  change: (tree: string) => unknown,
  followed = 'tree',
  archived: TreeSpec = spec,
): Promise<string[]> {
  const workspace = await buildTree(scratch(), archived);
  const layout = layoutIn(workspace, [followed]);
  const { object } = await packTree(layout);
  const { manifest, roots } = await openValid(object, layout);
  await change(path.join(workspace, 'tree'));
  const current = await findUnchanged(manifest.entries, roots, { layout, restoredLinks }, new InlineRunner());
  return manifest.entries
    .filter(({ name }, index) => !name.endsWith('/') && current[index] !== 1)
    .map(({ name }) => name.slice('./tree/'.length));
}

const names = ['z-1', 'z-2', 'z-3'];
const all = ['a', 'b', 'empty', 'link', 'sub/c', 'sub/deep/d', ...names];

describe('findUnchanged', () => {
  test('reports no difference for an untouched tree', async () => {
    expect(await different(() => {})).toEqual([]);
  });

  test.each<[string, (tree: string) => unknown, readonly string[]]>([
    [
      'the size differs',
      tree => {
        fs.appendFileSync(`${tree}/a`, 'x');
        setMtime(`${tree}/a`, time);
      },
      ['a'],
    ],
    ['the time differs by a microsecond', tree => setMtime(`${tree}/a`, time + 1), ['a']],
    ['the mode differs', tree => fs.chmodSync(`${tree}/sub/c`, 0o600), ['sub/c']],
    ['a file is missing', tree => fs.rmSync(`${tree}/empty`), ['empty']],
    [
      'a directory is missing',
      tree => fs.rmSync(`${tree}/sub`, { recursive: true }),
      ['sub/c', 'sub/deep/d'],
    ],
    [
      'the target of a link differs',
      tree => {
        fs.rmSync(`${tree}/link`);
        fs.symlinkSync('bbbb', `${tree}/link`);
        setMtime(`${tree}/link`, time);
      },
      ['link'],
    ],
    [
      'a file has replaced a link',
      tree => {
        fs.rmSync(`${tree}/link`);
        fs.writeFileSync(`${tree}/link`, 'aaaa');
        setMtime(`${tree}/link`, time);
      },
      ['link'],
    ],
    [
      'a link has replaced a file',
      tree => {
        fs.renameSync(`${tree}/a`, `${tree}/elsewhere`);
        fs.symlinkSync('elsewhere', `${tree}/a`);
        setMtime(`${tree}/a`, time);
      },
      ['a'],
    ],
    [
      'a directory has replaced a file',
      tree => {
        fs.rmSync(`${tree}/a`);
        fs.mkdirSync(`${tree}/a`);
      },
      ['a'],
    ],
    [
      'a file has replaced a directory',
      tree => {
        fs.rmSync(`${tree}/sub`, { recursive: true });
        fs.writeFileSync(`${tree}/sub`, '');
      },
      ['sub/c', 'sub/deep/d'],
    ],
    [
      'a link to the same files has replaced a directory',
      tree => {
        fs.renameSync(`${tree}/sub`, `${tree}/elsewhere`);
        fs.symlinkSync('elsewhere', `${tree}/sub`);
      },
      ['sub/c', 'sub/deep/d'],
    ],
  ])('reports the affected files when %s', async (_, change, expected) => {
    expect(await different(change)).toEqual(expected);
  });

  test('reports files and links whose owner or group differs', requires(root), async () => {
    const change = (tree: string) => {
      fs.lchownSync(`${tree}/a`, 5, process.getegid!());
      fs.lchownSync(`${tree}/link`, process.geteuid!(), 5);
    };
    expect(await different(change)).toEqual(['a', 'link']);
  });

  test('counts all names of one file as unchanged or none of them', async () => {
    for (const name of names) {
      expect(await different(tree => fs.rmSync(`${tree}/${name}`)), name).toEqual(names);
      const copied = (tree: string) => {
        fs.copyFileSync(`${tree}/${name}`, `${tree}/copy`);
        fs.renameSync(`${tree}/copy`, `${tree}/${name}`);
        setMtime(`${tree}/${name}`, time);
      };
      expect(await different(copied), name).toEqual(names);
    }
    expect(await different(tree => setMtime(`${tree}/z-2`, 1))).toEqual(names);
  });

  test('compares the names of a symlink as those of a file', requires(linux), async () => {
    const links: TreeSpec = {
      'tree/a': { symlink: 'x', mtime: time },
      'tree/b': { hardlink: 'tree/a' },
      'tree/c': { symlink: 'x', mtime: time },
    };
    expect(await different(() => {}, 'tree', links)).toEqual([]);
    const split = (tree: string) => {
      fs.rmSync(`${tree}/b`);
      fs.symlinkSync('x', `${tree}/b`);
      setMtime(`${tree}/b`, time);
    };
    expect(await different(split, 'tree', links)).toEqual(['a', 'b']);
    const join = (tree: string) => {
      fs.rmSync(`${tree}/c`);
      fs.linkSync(`${tree}/a`, `${tree}/c`);
    };
    expect(await different(join, 'tree', links)).toEqual(['a', 'b', 'c']);
  });

  test('counts files as changed that are one on the disk and several in the archive', async () => {
    const linked = (from: string, to: string) => (tree: string) => {
      fs.rmSync(`${tree}/${to}`);
      fs.linkSync(`${tree}/${from}`, `${tree}/${to}`);
    };
    expect(await different(linked('a', 'b'))).toEqual(['a', 'b']);
    expect(await different(linked('z-2', 'empty'))).toEqual(['empty', ...names]);
    expect(await different(tree => fs.linkSync(`${tree}/a`, `${tree}/not-in-the-archive`))).toEqual([]);
  });

  test('counts everything below a link as changed where the archive has a directory', async () => {
    const toLink = (tree: string) => {
      fs.renameSync(path.join(tree, 'sub'), path.join(tree, '../elsewhere'));
      fs.symlinkSync('../elsewhere', path.join(tree, 'sub'));
    };
    expect(await different(toLink)).toEqual(['sub/c', 'sub/deep/d']);
  });

  test('compares a root inside another root by its own path', async () => {
    const workspace = await buildTree(scratch(), {
      'tree/a': { content: 'a', mtime: time },
      'tree/left-out/inner/b': { content: 'b', mtime: time },
      'tree/z': { content: 'z', mtime: time },
    });
    const layout = layoutIn(workspace, ['tree', '!tree/left-out', 'tree/left-out/inner']);
    const { object } = await packTree(layout);
    const { manifest, roots } = await openValid(object, layout);
    expect(roots).toHaveLength(2);
    const stale = async () => {
      const current = await findUnchanged(
        manifest.entries,
        roots,
        { layout, restoredLinks },
        new InlineRunner(),
      );
      return manifest.entries.filter((_, index) => current[index] !== 1).map(({ name }) => name);
    };
    expect(await stale()).toEqual([]);
    fs.writeFileSync(path.join(workspace, 'tree/left-out/inner/b'), 'bb');
    expect(await stale()).toEqual(['./tree/left-out/inner/b']);
  });

  test('compares a root that is a file, a link that the step names, and a link that it does not', async () => {
    const toFile = (tree: string) => {
      fs.rmSync(tree, { recursive: true });
      fs.writeFileSync(tree, '');
    };
    expect(await different(toFile)).toEqual(all);
    const toLink = (tree: string) => {
      fs.renameSync(tree, `${tree}-elsewhere`);
      fs.symlinkSync(`${tree}-elsewhere`, tree);
    };
    expect(await different(toLink)).toEqual([]);
    expect(await different(toLink, 'tre*')).toEqual(all);
  });

  test(
    'finds nothing below a directory that cannot be searched, and does not throw',
    requires(posix),
    async () => {
      const workspace = await buildTree(scratch(), spec);
      fs.chmodSync(path.join(workspace, 'tree/sub'), 0);
      fs.chmodSync(workspace, 0o755);
      await giveAway(workspace);
      const source = (name: string) =>
        JSON.stringify(pathToFileURL(path.join(import.meta.dirname, '../../../src', name)).href);
      const common = { mode: 0o640, mtimeUs: time };
      const entries = [
        entryOf('./tree/', EntryType.directory, common),
        entryOf('./tree/sub/', EntryType.directory, common),
        entryOf('./tree/sub/c', EntryType.file, { ...common, size: 4 }),
      ];
      const code = `
      const { findUnchanged } = await import(${source('archive/restore/find-unchanged.ts')});
      const { RestoredLinks } = await import(${source('archive/fs/links/restored-links.ts')});
      const { createPathLayout } = await import(${source('cache/paths/paths.ts')});
      const path = (await import('node:path')).default;
      const workspace = ${JSON.stringify(workspace)};
      const layout = createPathLayout({ lines: ['tree'], workspace, home: '/none', platformPath: path });
      const { InlineRunner } = await import(${source('archive/worker/worker.ts')});
      const entries = ${JSON.stringify(entries)};
      const current = await findUnchanged(entries, entries.slice(0, 1), { layout, restoredLinks: new RestoredLinks() }, new InlineRunner());
      console.log([...current].join(' '));`;
      const { stdout, stderr } = await runUnprivileged(['--input-type=module', '-e', code]);
      expect([stdout.trim(), stderr]).toEqual(['0 0 0', '']);
    },
  );
});

test(
  'findUnchanged splits a large tree into jobs, lets results arrive between them, and assigns each result to its entry',
  requires(largeDirectories),
  async () => {
    const files = Array.from({ length: 9000 }, (_, index) => `tree/${String(index).padStart(4, '0')}`);
    const workspace = await buildTree(
      scratch(),
      Object.fromEntries(files.map(file => [file, { content: '', mtime: time }])),
    );
    const layout = layoutIn(workspace);
    const { object } = await packTree(layout);
    const { manifest, roots } = await openValid(object, layout);
    const changed = [0, 4095, 4096, 8191, 8192, 8999].map(index => files[index]!);
    for (const file of changed) fs.writeFileSync(path.join(workspace, file), 'x');
    let done = 0;
    const doneWhenGiven: number[] = [];
    const runner = new InlineRunner();
    const run = runner.run.bind(runner) as (job: never) => Promise<never>;
    runner.run = async (job: unknown) => {
      doneWhenGiven.push(done);
      const result = await run(job as never);
      done++;
      return result;
    };
    const current = await findUnchanged(manifest.entries, roots, { layout, restoredLinks }, runner);
    const stale = manifest.entries.filter((_, index) => current[index] !== 1).map(({ name }) => name);
    expect(stale).toEqual(changed.map(file => `./${file}`));
    // The runner gives the event loop a turn before a job, and so does the loop that makes the jobs
    expect(doneWhenGiven).toEqual([0, 0, 1]);
  },
);
