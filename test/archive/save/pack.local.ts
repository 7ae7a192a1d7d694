import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SourceTreeError } from '../../../src/archive/archive-errors.ts';
import { SLICE_BYTES, WHOLE_FILE_BYTES } from '../../../src/archive/format/container.ts';
import type { Job } from '../../../src/archive/messages/job.ts';
import { type PackJob, readMembers } from '../../../src/archive/messages/pack-job.ts';
import type { JobRunner } from '../../../src/archive/pool/worker-pool.ts';
import { InlineRunner } from '../../../src/archive/worker/worker.ts';
import { runUnprivileged } from '../../support/drop-privileges.ts';
import { instead } from '../../support/file-system-calls.ts';
import { fifos, posix, requires } from '../../support/platform-needs.ts';
import { incompressible } from '../../support/random.ts';
import { scratch } from '../../support/scratch.ts';
import { slashed } from '../../support/slashed.ts';
import { buildTree, describeTree } from '../../support/tree.ts';
import { layoutIn, packTree, restoreBytes } from '../support/archives.ts';
import { disturbedBefore, FILLER, savedWhile } from './changing-tree.ts';

/** Removes files after the scan has seen them, right before their frame is read. */
function vanishing(files: (paths: string) => readonly string[]): JobRunner {
  const inner = new InlineRunner();
  const run = (job: Job) => {
    const paths = readMembers(job as PackJob)
      .map(({ path }) => path)
      .join('\0');
    for (const file of files(paths)) rmSync(file);
    return inner.run(job as PackJob);
  };
  return { width: 1, run: run as JobRunner['run'], close: () => inner.close() };
}

describe('a tree that changes while it is saved', () => {
  const spec = { 'tree/a': 'a', 'tree/b': 'b before', 'tree/c': 'c' };

  test('a small file that changed since the scan is saved with its new content', async () => {
    const { found, now } = await savedWhile(spec, tree => writeFileSync(join(tree, 'b'), 'b after, longer'));
    expect(found).toEqual(now);
  });

  test('a file that vanished since the scan is skipped with a notice', async () => {
    const { found, skipped, from } = await savedWhile(spec, tree => rmSync(join(tree, 'b')));
    expect(Object.keys(found)).toEqual(['tree', 'tree/0', 'tree/a', 'tree/c']);
    expect(skipped.map(slashed)).toEqual([slashed(`${from}/tree/b: vanished during the save`)]);
  });

  test.each([
    ['a link', (path: string) => symlinkSync('/etc/passwd', path)],
    ['a directory', (path: string) => mkdirSync(path)],
  ])('a file is skipped when %s has taken its place', async (_, put) => {
    const { found, skipped } = await savedWhile(spec, tree => {
      rmSync(join(tree, 'b'));
      put(join(tree, 'b'));
    });
    expect(Object.keys(found)).toEqual(['tree', 'tree/0', 'tree/a', 'tree/c']);
    expect(skipped.length).toBe(1);
  });

  test.each<[string, (directory: string) => void]>([
    ['vanished', directory => rmSync(join(directory, 'b'))],
    [
      'vanished with its directory, which has become a file,',
      directory => {
        rmSync(directory, { recursive: true });
        writeFileSync(directory, 'x');
      },
    ],
  ])('a large file that %s since the scan is skipped with a notice', async (_, change) => {
    const large = Buffer.alloc(WHOLE_FILE_BYTES + 1, 'l');
    const spec = { 'tree/0': FILLER, 'tree/1': FILLER, 'tree/d/b': large, 'tree/e': 'e' };
    const from = await buildTree(scratch(), spec);
    const runner = disturbedBefore(join(from, 'tree/d/b'), () => change(join(from, 'tree/d')));
    const { object, skipped } = await packTree(layoutIn(from), { runner });
    const to = scratch();
    await restoreBytes(object, layoutIn(to));
    expect(Object.keys(await describeTree(to))).toEqual(['tree', 'tree/0', 'tree/1', 'tree/d', 'tree/e']);
    expect(skipped.map(slashed)).toEqual([slashed(`${from}/tree/d/b: vanished during the save`)]);
  });

  test('a large file that changes after its first slice fails the save', async () => {
    const from = await buildTree(scratch(), { 'tree/a': 'a', 'tree/large': incompressible(3 * SLICE_BYTES) });
    const large = join(from, 'tree/large');
    for (const change of [
      () => appendFileSync(large, 'x'),
      () => truncateSync(large, SLICE_BYTES),
      () => writeFileSync(large, incompressible(3 * SLICE_BYTES, 'rewritten')),
    ]) {
      const attempt = packTree(layoutIn(from), { runner: disturbedBefore(3, change) });
      await expect(attempt).rejects.toThrow(SourceTreeError);
      await expect(attempt).rejects.toThrow(`${large} changed while it was read`);
      writeFileSync(large, incompressible(3 * SLICE_BYTES));
    }
  });

  test.each<[string, (large: string) => void]>([
    ['vanishes', large => rmSync(large)],
    [
      'becomes a directory',
      large => {
        rmSync(large);
        mkdirSync(large);
      },
    ],
  ])('a large file that %s after its first slice is skipped with a notice', async (_, change) => {
    const content = incompressible(3 * SLICE_BYTES);
    const spec = {
      'tree/a': 'a',
      'tree/large': content,
      'tree/linked': { hardlink: 'tree/large' },
      'tree/z': 'z',
    };
    const from = await buildTree(scratch(), spec);
    const large = join(from, 'tree/large');
    const runner = disturbedBefore(3, () => change(large));
    const { object, skipped } = await packTree(layoutIn(from), { runner, deadMembers: true });
    expect(skipped.map(slashed)).toEqual([slashed(`${large}: vanished during the save`)]);
    const to = scratch();
    await restoreBytes(object, layoutIn(to));
    const found = await describeTree(to);
    expect(Object.keys(found)).toEqual(['tree', 'tree/a', 'tree/linked', 'tree/z']);
    expect(found['tree/linked']).toEqual((await describeTree(from))['tree/linked']);
  });

  // Windows keeps the name of an open file until it is closed
  test(
    'a large file whose last name is removed while a slice is read is skipped',
    requires(posix),
    async () => {
      const from = await buildTree(scratch(), {
        'tree/a': 'a',
        'tree/large': incompressible(3 * SLICE_BYTES),
      });
      const large = join(from, 'tree/large');
      let opened = 0;
      instead(
        'openSync',
        call =>
          ((...options: Parameters<typeof call>) => {
            const fd = call(...options);
            // For the last byte, for the first slice, and for the second one
            if (options[0] === large && ++opened === 3) rmSync(large);
            return fd;
          }) as typeof call,
      );
      const { object, skipped } = await packTree(layoutIn(from), { deadMembers: true });
      expect(skipped.map(slashed)).toEqual([slashed(`${large}: vanished during the save`)]);
      const to = scratch();
      await restoreBytes(object, layoutIn(to));
      expect(Object.keys(await describeTree(to))).toEqual(['tree', 'tree/a']);
    },
  );

  test('a large file that is replaced between two slices fails the save', async () => {
    const from = await buildTree(scratch(), {
      'tree/large': incompressible(3 * SLICE_BYTES),
      other: incompressible(3 * SLICE_BYTES, 'o'),
    });
    const runner = disturbedBefore(2, () => renameSync(join(from, 'other'), join(from, 'tree/large')));
    await expect(packTree(layoutIn(from), { runner })).rejects.toThrow('changed while it was read');
  });

  test('a small file that has grown beyond the limit of a frame fails the save', async () => {
    const attempt = savedWhile(spec, tree => truncateSync(join(tree, 'b'), 17 * 1024 * 1024));
    await expect(attempt).rejects.toThrow(`${join('tree', 'b')} changed while it was read`);
  });

  test('small files that together have grown beyond the limit of a frame fail the save', async () => {
    const names = Array.from({ length: 6 }, (_, index) => `g${index}`);
    const small = Object.fromEntries(names.map(name => [`tree/${name}`, 'small']));
    const grow = (tree: string) => {
      for (const name of names) truncateSync(join(tree, name), 15 * 1024 * 1024);
    };
    await expect(savedWhile(small, grow)).rejects.toThrow('changed while it was read');
  });
});

describe('a save', () => {
  test('skips sockets and FIFOs with a notice', requires(fifos), async () => {
    const from = await buildTree(scratch(), { 'tree/a': 'a' });
    execFileSync('mkfifo', [join(from, 'tree/fifo')]);
    const server = createServer().listen(join(from, 'tree/socket'));
    await new Promise(resolve => server.on('listening', resolve));
    const { object, skipped } = await packTree(layoutIn(from));
    server.close();
    expect(skipped).toEqual(
      ['fifo', 'socket'].map(name => `${join(from, `tree/${name}`)}: neither a file, a directory nor a link`),
    );
    const to = scratch();
    await restoreBytes(object, layoutIn(to));
    expect(Object.keys(await describeTree(to))).toEqual(['tree', 'tree/a']);
  });

  test('fails with advice for a file or directory that may not be read', requires(posix), async () => {
    const directory = await buildTree(scratch(), {
      'file/tree/a': 'a',
      'file/tree/secret': { content: 'x', mode: 0o000 },
      'directory/tree/closed': { directory: true, mode: 0o300 },
      'directory/tree/closed/x': 'x',
    });
    await buildTree(directory, { 'directory/tree/closed': { directory: true, mode: 0o300 } });
    execFileSync('chmod', ['755', directory]);
    const support = new URL('../support/archives.ts', import.meta.url).href;
    const code = `
      const { layoutIn, packTree } = await import(${JSON.stringify(support)});
      for (const name of ['file', 'directory']) {
        await packTree(layoutIn(${JSON.stringify(directory)} + '/' + name)).catch(error => console.log(error.name + ': ' + error.message));
      }`;
    const { stdout } = await runUnprivileged(['--input-type=module', '-e', code]);
    expect(stdout.trim().split('\n')).toEqual([
      `SourceTreeError: ${directory}/file/tree/secret cannot be read (EACCES); \`sudo: true\` reads it as root`,
      `SourceTreeError: ${directory}/directory/tree/closed cannot be read (EACCES); \`sudo: true\` reads it as root`,
    ]);
  });
});

describe('a save of several frames', () => {
  test('reports the first frame that fails while an earlier one is being packed', async () => {
    const from = await buildTree(scratch(), {
      'tree/1': incompressible(5_000_000, '1'),
      'tree/2': incompressible(5_000_000, '2'),
      'tree/3': incompressible(5_000_000, '3'),
    });
    const inner = new InlineRunner();
    let frames = 0;
    const run = async (job: Job) => {
      const frame = ++frames;
      if (frame === 1) await new Promise(resolve => setTimeout(resolve, 50));
      if (frame > 1) throw new SourceTreeError(`frame ${frame}`);
      return inner.run(job as PackJob);
    };
    const runner: JobRunner = { width: 4, run: run as JobRunner['run'], close: () => inner.close() };
    // An unhandled rejection of frame 3 would end the test run
    await expect(packTree(layoutIn(from), { runner })).rejects.toThrow('frame 2');
  });

  test('fails when a write fails', async () => {
    const from = await buildTree(scratch(), { 'tree/1': incompressible(9_000_000) });
    const onWrite = () => {
      throw new Error('the bucket is full');
    };
    await expect(packTree(layoutIn(from), { onWrite })).rejects.toThrow('the bucket is full');
  });

  test('leaves out a frame whose files have all vanished', async () => {
    const root = scratch();
    const file = (name: string) => join(root, 'one/tree', name);
    const names = ['1.bin', '2.bin', '3.bin', '4.bin', '5.bin', '6.bin'];
    await buildTree(
      join(root, 'one/tree'),
      Object.fromEntries(names.map(name => [name, incompressible(1_500_000, name)])),
    );
    const gone = new Set<string>();
    const packed = await packTree(layoutIn(join(root, 'one')), {
      // whatever is in a frame that does not begin the tree
      runner: vanishing(paths => {
        if (paths.includes('1.bin')) return [];
        const found = names.filter(name => paths.includes(name) && !gone.has(name));
        for (const name of found) gone.add(name);
        return found.map(file);
      }),
    });
    expect(gone.size).toBeGreaterThan(1);
    expect(packed.skipped).toHaveLength(gone.size);

    await buildTree(join(root, 'two'), {});
    await restoreBytes(packed.object, layoutIn(join(root, 'two')));
    const { tree: _directory, ...files } = await describeTree(join(root, 'two'));
    expect(Object.keys(files)).toEqual(names.filter(name => !gone.has(name)).map(name => `tree/${name}`));
  });
});
