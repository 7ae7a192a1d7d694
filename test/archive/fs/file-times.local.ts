/** Times across save and restore, with real files, GNU tar and build tools. */

import { execFileSync } from 'node:child_process';
import {
  type BigIntStats,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { fileTimes } from '../../../src/archive/fs/file-times.ts';
import { linux, need, program, requires, tar } from '../../support/platform-needs.ts';
import { incompressible, SeededRandom } from '../../support/random.ts';
import { scratch } from '../../support/scratch.ts';
import { buildTree, type TreeSpec } from '../../support/tree.ts';
import { layoutIn, packTree, restoreBytes } from '../support/archives.ts';
import { saveAndRestore } from '../support/save-and-restore.ts';

/** libuv 1.51 keeps microseconds. */
const MOST_EARLY_NS = fileTimes.toRestored({ mtimeUs: 1, mtimeRestNs: 999 }).mtimeRestNs > 0 ? 500n : 1000n;

/** Saves `tree` of a workspace and restores it into an empty one. */
async function moved(workspace: string): Promise<{ workspace: string; object: Buffer }> {
  const { to, object } = await saveAndRestore(workspace);
  return { workspace: to, object };
}

function statsBelow(workspace: string): Map<string, BigIntStats> {
  const names = readdirSync(workspace, { recursive: true, encoding: 'utf8' }).sort();
  return new Map(names.map(name => [name, lstatSync(join(workspace, name), { bigint: true })]));
}

const timesBelow = (workspace: string) =>
  new Map([...statsBelow(workspace)].map(([name, { mtimeNs }]) => [name, mtimeNs]));

const kinds: TreeSpec = {
  'tree/file': 'text',
  'tree/empty': '',
  'tree/sliced': incompressible(9 * 1024 * 1024),
  'tree/sparse': Buffer.alloc(9 * 1024 * 1024),
  'tree/directory/inner': 'x',
  'tree/empty-directory': { directory: true },
  'tree/sealed/x': 'x',
  'tree/sealed': { directory: true, mode: 0o555 },
  'tree/link': { symlink: 'file' },
  'tree/dangling': { symlink: 'nowhere' },
  'tree/second': { hardlink: 'tree/file' },
};

/** Gives all entries random times, to the nanosecond, which only other programs can set. Deepest first. */
function touchAll(workspace: string, random: SeededRandom): void {
  for (const name of [...statsBelow(workspace).keys()].reverse()) {
    const seconds = 1.7e9 + random.below(9e7);
    const time = `@${seconds}.${String(random.below(1e9)).padStart(9, '0')}`;
    execFileSync('touch', ['-h', '-m', '-d', time, join(workspace, name)]);
  }
}

describe('times to the nanosecond', requires(linux, program('touch')), () => {
  test('a restored entry of any kind is not later, and at most 0.5 us earlier', async () => {
    const random = new SeededRandom(7);
    for (let round = 0; round < 2; round++) {
      const from = await buildTree(scratch(), kinds);
      touchAll(from, random);
      const saved = timesBelow(from);
      const { workspace } = await moved(from);
      const restored = timesBelow(workspace);
      expect([...restored.keys()]).toEqual([...saved.keys()]);
      for (const [name, ns] of restored) {
        const early = saved.get(name)! - ns;
        if (early < 0n || early > MOST_EARLY_NS) expect.fail(`${name} is ${early} ns earlier`);
      }
    }
  });

  test('times do not drift over four generations of save and restore', async () => {
    const first = await buildTree(scratch(), kinds);
    touchAll(first, new SeededRandom(8));
    let { workspace } = await moved(first);
    const restored = timesBelow(workspace);
    for (let generation = 1; generation < 4; generation++) {
      ({ workspace } = await moved(workspace));
      expect(timesBelow(workspace)).toEqual(restored);
    }
  });

  test('a warm restore rewrites no file that a restore has written', async () => {
    const from = await buildTree(scratch(), kinds);
    touchAll(from, new SeededRandom(9));
    const { object } = await packTree(layoutIn(from));
    const to = scratch();
    const layout = layoutIn(to);
    await restoreBytes(object, layout);
    const before = statsBelow(to);
    const { rawBytes } = await restoreBytes(object, layout, { isWarm: true });
    expect(rawBytes).toBe(0);
    const changed = [...statsBelow(to)].filter(
      ([name, { ctimeNs }]) => before.get(name)!.ctimeNs !== ctimeNs,
    );
    expect(changed).toEqual([]);
  });

  test('GNU tar extracts exactly the saved times', requires(tar, program('zstd')), async () => {
    const from = await buildTree(scratch(), kinds);
    touchAll(from, new SeededRandom(10));
    const { object } = await packTree(layoutIn(from));
    const [file, to] = [join(scratch(), 'x.tar.zst'), scratch()];
    writeFileSync(file, object);
    execFileSync('sh', ['-c', 'zstd -qdc "$1" | tar -C "$2" -xpf -', 'sh', file, to]);
    expect(timesBelow(to)).toEqual(timesBelow(from));
  });
});

/** Each file has the time of its own moment, by the clock of this system: 100 ns on Windows, whose libuv sets every 16th. */
function writeFiles(tree: string): void {
  for (let index = 0; index < 200; index++) {
    const directory = join(tree, String(index % 10));
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, `file-${index}`), index % 4 === 0 ? '' : `${index}`);
  }
}

describe('times of 200 files that this system has just written', () => {
  test('do not become later, and do not drift over four generations of save and restore', async () => {
    const from = scratch();
    writeFiles(join(from, 'tree'));
    const saved = timesBelow(from);
    let { workspace } = await moved(from);
    const restored = timesBelow(workspace);
    for (const [name, ns] of restored) if (ns > saved.get(name)!) expect.fail(`${name} became later`);
    for (let generation = 1; generation < 4; generation++) {
      ({ workspace } = await moved(workspace));
      expect(timesBelow(workspace)).toEqual(restored);
    }
  });

  test('are the same for a warm restore, which rewrites none of them', async () => {
    const from = scratch();
    writeFiles(join(from, 'tree'));
    const { object } = await packTree(layoutIn(from));
    const to = scratch();
    for (const place of [from, to]) {
      await restoreBytes(object, layoutIn(place), { isWarm: true });
      const before = statsBelow(place);
      const { rawBytes } = await restoreBytes(object, layoutIn(place), { isWarm: true });
      expect(rawBytes).toBe(0);
      expect(statsBelow(place)).toEqual(before);
    }
  });
});

describe('times that an archive cannot contain', () => {
  test('a time after 2112 is saved as 2112 and reported', requires(linux, program('touch')), async () => {
    const from = await buildTree(scratch(), { 'tree/future': 'x', 'tree/empty': '', 'tree/now': 'x' });
    for (const name of ['future', 'empty'])
      execFileSync('touch', ['-d', '2446-01-01T00:00:00.123456789Z', join(from, 'tree', name)]);
    const { to, outOfRange } = await saveAndRestore(from);
    expect(outOfRange).toEqual(['empty', 'future'].map(name => `${from}/tree/${name}: 2112`));
    for (const name of ['future', 'empty'])
      expect(lstatSync(join(to, 'tree', name)).mtime.getUTCFullYear()).toBe(2112);
  });

  // ext4 keeps times from 1901 to 2446
  const tmpfs = '/dev/shm';
  test(
    'any time of a tmpfs is saved',
    requires(program('touch'), need(existsSync(tmpfs), 'there is no tmpfs')),
    async () => {
      const from = mkdtempSync(join(tmpfs, 'cache-s3-test-'));
      onTestFinished(() => rmSync(from, { recursive: true }));
      const times = {
        first: '-9223372036854775808',
        early: '-0.5',
        year9999: '253402300799.999999999',
        // Not a Date any more
        late: '8640000000001',
        middle: '4611686018427387904.000000001',
        last: '9223372036854775807.999999999',
      };
      const names = Object.keys(times);
      await buildTree(from, {
        ...Object.fromEntries(names.map(name => [`tree/${name}`, name])),
        'tree/empty': '',
        'tree/sliced': Buffer.alloc(9 * 1024 * 1024),
        'tree/link': { symlink: 'first' },
        'tree/below': { directory: true },
      });
      const touch = (name: string, time: string) =>
        execFileSync('touch', ['-h', '-m', '-d', `@${time}`, join(from, 'tree', name)]);
      for (const name of ['empty', 'sliced', 'link', 'below']) touch(name, times.last);
      for (const [name, time] of Object.entries(times)) touch(name, time);
      const { to, outOfRange } = await saveAndRestore(from);
      expect(outOfRange).toHaveLength(names.length + 4);
      const yearOf = (name: string) => lstatSync(join(to, 'tree', name)).mtime.getUTCFullYear();
      for (const name of ['first', 'early']) expect(yearOf(name)).toBe(1970);
      for (const name of ['year9999', 'late', 'middle', 'last', 'empty', 'sliced', 'link', 'below'])
        expect(yearOf(name)).toBe(2112);
    },
  );
});

/** A C program of many files, each built from one source and a common header. */
const FILES = 40;

function writeSources(tree: string): void {
  mkdirSync(join(tree, 'src'), { recursive: true });
  writeFileSync(join(tree, 'src/common.h'), '#define COMMON 1\n');
  for (let index = 0; index < FILES; index++)
    writeFileSync(
      join(tree, `src/${index}.c`),
      `#include "common.h"\nint f${index}(void) { return COMMON; }\n`,
    );
}

const indexes = Array.from({ length: FILES }, (_, index) => index);

const ninjaFile = [
  'rule copy',
  // Like a fast compiler, or `install -p`: the output is hardly newer than its source, or has the same time
  '  command = cp -p $in $out',
  'rule join',
  '  command = cat $in > $out',
  ...indexes.map(index => `build out/${index}.o: copy src/${index}.c | src/common.h`),
  `build out/all: join ${indexes.map(index => `out/${index}.o`).join(' ')}`,
  'default out/all',
  '',
].join('\n');

const makefile = [
  `all: out/all`,
  `out/all: ${indexes.map(index => `out/${index}.o`).join(' ')}`,
  '\tcat $^ > $@',
  'out/%.o: src/%.c src/common.h',
  '\t@mkdir -p out',
  '\tcat $< > $@',
  '',
].join('\n');

describe('builds stay clean after save and restore', () => {
  const run = (command: string, args: readonly string[], cwd: string) =>
    execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

  /** Builds in a fresh tree, and expects that neither the first nor the tenth restored tree is built again. */
  async function staysClean(
    prepare: (tree: string) => void,
    build: (tree: string) => string,
    clean: (output: string) => boolean,
  ): Promise<void> {
    let workspace = scratch();
    prepare(join(workspace, 'tree'));
    expect(clean(build(join(workspace, 'tree')))).toBe(false);
    expect(build(join(workspace, 'tree'))).toSatisfy(clean);
    for (let generation = 0; generation < 3; generation++) {
      ({ workspace } = await moved(workspace));
      expect(build(join(workspace, 'tree'))).toSatisfy(clean);
    }
  }

  test('ninja has no work to do after a restore', requires(program('ninja')), async () => {
    await staysClean(
      tree => {
        writeSources(tree);
        writeFileSync(join(tree, 'build.ninja'), ninjaFile);
      },
      tree => run('ninja', [], tree),
      output => output.includes('no work to do'),
    );
  });

  test('make has nothing to do after a restore', requires(program('make')), async () => {
    await staysClean(
      tree => {
        writeSources(tree);
        writeFileSync(join(tree, 'Makefile'), makefile);
      },
      tree => run('make', [], tree),
      output => output.includes('Nothing to be done'),
    );
  });

  test('cargo compiles nothing after a restore', requires(program('cargo')), async () => {
    // Its fingerprints hold absolute paths
    const build = (tree: string) =>
      execFileSync('cargo', ['build', '--offline', '--message-format=json', '--quiet'], {
        cwd: tree,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, CARGO_HOME: join(tree, '../cargo-home') },
      });
    const workspace = scratch();
    const tree = join(workspace, 'tree');
    mkdirSync(join(tree, 'src'), { recursive: true });
    writeFileSync(join(tree, 'Cargo.toml'), '[package]\nname = "x"\nversion = "0.1.0"\nedition = "2021"\n');
    writeFileSync(join(tree, 'src/main.rs'), 'mod other;\nfn main() { other::f() }\n');
    writeFileSync(join(tree, 'src/other.rs'), 'pub fn f() {}\n');
    const isClean = (output: string) => output.includes('"fresh":true') && !output.includes('"fresh":false');
    expect(build(tree)).not.toSatisfy(isClean);
    expect(build(tree)).toSatisfy(isClean);
    const layout = layoutIn(workspace);
    for (let generation = 0; generation < 3; generation++) {
      const { object } = await packTree(layout);
      execFileSync('rm', ['-rf', tree]);
      await restoreBytes(object, layout);
      expect(build(tree)).toSatisfy(isClean);
    }
  });
});
