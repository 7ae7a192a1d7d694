import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  lstatSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { posix, requires, root } from '../../support/platform-needs.ts';
import { incompressible } from '../../support/random.ts';
import { scratch } from '../../support/scratch.ts';
import { buildTree, describeTree, type TreeDescription, type TreeSpec } from '../../support/tree.ts';
import { ageStaging } from '../support/age-staging.ts';
import { layoutIn, packTree } from '../support/archives.ts';
import { prepareRestore, runRestoreProcess } from '../support/restore-process.ts';

const patterns = ['tree'];

async function prepare(archived: TreeSpec, present: TreeSpec = {}) {
  const { source, ...prepared } = await prepareRestore(archived, present);
  return { ...prepared, expected: await describeTree(source) };
}

/** Two modules in the module cache of Go: files of mode 0444 in directories of mode 0555. */
const modules: TreeSpec = {
  'tree/cache/lock': { content: '', mode: 0o644 },
  'tree/x@v1/go.mod': { content: 'module x\n', mode: 0o444, mtime: 1_600_000_000_123_456 },
  'tree/x@v1/deep/x.go': { content: 'package deep\n', mode: 0o444 },
  'tree/x@v1/deep': { directory: true, mode: 0o555, mtime: 1_500_000_000_000_000 },
  'tree/x@v1': { directory: true, mode: 0o555, mtime: 1_500_000_000_000_001 },
  'tree/y@v1/y.go': { content: 'package y\n', mode: 0o444 },
  'tree/y@v1': { directory: true, mode: 0o555 },
  tree: { directory: true, mode: 0o555 },
};

describe('an ordinary user restores the Go module cache', requires(posix), () => {
  test('into an empty workspace', async () => {
    const { job, workspace, expected } = await prepare(modules);
    expect(await runRestoreProcess(job)).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await describeTree(workspace)).toEqual(expected);
  });

  test('over one with different content', async () => {
    const { job, workspace, expected } = await prepare(modules, {
      'tree/x@v1/go.mod': { content: 'module older\n', mode: 0o444 },
      'tree/x@v1/deep/x.go': { content: 'torn', mode: 0o444 },
      'tree/x@v1/deep': { directory: true, mode: 0o555 },
      'tree/x@v1': { directory: true, mode: 0o555 },
      'tree/y@v1': { directory: true, mode: 0o555 },
      tree: { directory: true, mode: 0o555 },
    });
    expect(await runRestoreProcess({ ...job, workers: 2 })).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await describeTree(workspace)).toEqual(expected);
    expect(await runRestoreProcess(job), 'the second restore').toMatchObject({ exitCode: 0 });
    expect(await describeTree(workspace)).toEqual(expected);
  });

  test('over read-only directories in place of files and files in place of directories', async () => {
    const { job, workspace, expected } = await prepare(modules, {
      'tree/cache/lock/inside/x': { content: 'x', mode: 0o444 },
      'tree/cache/lock/inside': { directory: true, mode: 0o555 },
      'tree/cache/lock': { directory: true, mode: 0o555 },
      'tree/x@v1/deep': 'file',
      'tree/y@v1': 'file',
      tree: { directory: true, mode: 0o555 },
    });
    expect(await runRestoreProcess(job)).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await describeTree(workspace)).toEqual(expected);
  });

  test('into a tree whose read-only directories and times stay as before when the connection is lost', async () => {
    const { job, workspace } = await prepare(
      {
        ...modules,
        'tree/x@v1/noise': incompressible(9000),
      },
      {
        'tree/x@v1/go.mod': { content: 'old', mode: 0o444 },
        'tree/x@v1': { directory: true, mode: 0o555, mtime: 1_400_000_000_000_001 },
        tree: { directory: true, mode: 0o555, mtime: 1_400_000_000_000_002 },
      },
    );
    const before = await describeTree(workspace, { root: true });
    const end = await runRestoreProcess({ ...job, failAtRead: 2 });
    expect(end.output).toMatchObject({ error: 'Error', message: 'the connection was lost' });
    expect(await describeTree(workspace, { root: true })).toEqual(before);
  });

  test('into a read-only directory, from which it removes the staging of a killed run', async () => {
    const { job, workspace, expected } = await prepare(modules, {
      'tree/.cache-s3-1-00000000-00000000/0/sealed/x': { content: 'x', mode: 0o444 },
      'tree/.cache-s3-1-00000000-00000000/0/sealed': { directory: true, mode: 0o555 },
      tree: { directory: true, mode: 0o555 },
    });
    ageStaging(workspace);
    expect(await runRestoreProcess(job)).toMatchObject({ exitCode: 0 });
    expect(await describeTree(workspace)).toEqual(expected);
  });

  test('into a read-only directory, which keeps mode and time when the process is killed before its first rename', async () => {
    const { job, workspace, expected } = await prepare(modules, {
      'tree/old': 'old',
      tree: { directory: true, mode: 0o555, mtime: 1_500_000_000_000_000 },
    });
    const before = await describeTree(workspace);
    expect(await runRestoreProcess({ ...job, killAtRename: 1 })).toMatchObject({ signal: 'SIGKILL' });
    expect((await describeTree(workspace)).tree).toEqual(before.tree);
    expect(await runRestoreProcess(job)).toMatchObject({ exitCode: 0 });
    const { 'tree/old': _old, ...found } = await describeTree(workspace);
    expect(found).toEqual(expected);
  });
});

test('a restore by an ordinary user keeps set-id bits', requires(posix), async () => {
  const { job, workspace } = await prepare({
    'tree/setuid': { content: 'x', mode: 0o4755 },
    'tree/setgid': { content: 'x', mode: 0o2755 },
    'tree/empty': { content: '', mode: 0o4711 },
  });
  expect(await runRestoreProcess(job)).toMatchObject({ exitCode: 0 });
  const tree = await describeTree(workspace);
  const modes = ['setuid', 'setgid', 'empty'].map(name => tree[`tree/${name}`]?.mode);
  expect(modes).toEqual([0o4755, 0o2755, 0o4711]);
});

test('a restore copies files whose hard links would cross file systems', requires(posix), async () => {
  const { job, workspace, expected } = await prepare({
    'tree/a': { content: 'shared', mode: 0o444, mtime: 1_500_000_000_000_001 },
    'tree/b': { hardlink: 'tree/a' },
  });
  expect(await runRestoreProcess({ ...job, linksCross: true })).toMatchObject({ exitCode: 0 });
  const tree = await describeTree(workspace);
  const withoutNames = (found: TreeDescription, name: string) => ({ ...found[name], names: undefined });
  expect(withoutNames(tree, 'tree/a')).toEqual(withoutNames(expected, 'tree/a'));
  expect(withoutNames(tree, 'tree/b')).toEqual(withoutNames(expected, 'tree/a'));
  expect(lstatSync(join(workspace, 'tree/b')).nlink).toBe(1);
});

describe('a restore over entries of root, or as root,', requires(root), () => {
  test('leaves old staging with files of root and removes other old staging', async () => {
    const { job, workspace } = await prepare(
      { 'tree/data': incompressible(100_000) },
      {
        'tree/.cache-s3-1-00000000-00000000/0/sealed/x': 'x',
        'tree/.cache-s3-1-00000000-00000001/0/x': 'x',
        'tree/present': 'p',
        tree: { directory: true, mode: 0o555, mtime: 1_500_000_000_000_000 },
      },
    );
    const roots = join(workspace, 'tree/.cache-s3-1-00000000-00000000/0/sealed');
    chownSync(roots, 0, 0);
    chmodSync(roots, 0o755);
    const before = await describeTree(workspace);
    ageStaging(workspace);
    const end = await runRestoreProcess({ ...job, failAtRead: 2 });
    expect(end.output).toMatchObject({ error: 'Error', message: 'the connection was lost' });
    const found = await describeTree(workspace);
    expect(found.tree).toEqual(before.tree);
    const expected = Object.keys(before).filter(name => !name.includes('-00000001'));
    expect(Object.keys(found)).toEqual(expected);
  });

  test('fails with an error that names a directory of root, and changes nothing', async () => {
    const { job, workspace } = await prepare(
      { 'tree/a': 'new', 'tree/target/debug/x': 'new' },
      { 'tree/a': 'old', 'tree/target/debug/x': 'old' },
    );
    chownSync(join(workspace, 'tree/target/debug'), 0, 0);
    chmodSync(join(workspace, 'tree/target/debug'), 0o755);
    const before = await describeTree(workspace, { root: true, owners: true });
    const { exitCode, output } = await runRestoreProcess(job);
    expect(exitCode).toBe(1);
    expect(output).toMatchObject({
      error: 'TargetTreeError',
      message: `${workspace}/tree/target/debug belongs to user 0 and cannot be written; change its owner or set \`sudo: true\``,
    });
    expect(await describeTree(workspace, { root: true, owners: true })).toEqual(before);
  });

  test('replaces a file of root in a directory of the user', async () => {
    const { job, workspace } = await prepare(
      { 'tree/a': 'new' },
      { 'tree/a': { content: 'old', mode: 0o600 } },
    );
    chownSync(join(workspace, 'tree/a'), 0, 0);
    expect(await runRestoreProcess(job)).toMatchObject({ exitCode: 0 });
    expect(readFileSync(join(workspace, 'tree/a'), 'utf8')).toBe('new');
  });

  test('fails with an error that names a directory that cannot be searched', async () => {
    const { job, workspace } = await prepare({ 'tree/a': 'new' }, { 'tree/x': 'x' });
    chownSync(join(workspace, 'tree'), 0, 0);
    chmodSync(join(workspace, 'tree'), 0o700);
    const { output } = await runRestoreProcess(job);
    expect(output?.error).toBe('TargetTreeError');
    expect(output?.message).toContain(`${workspace}/tree belongs to user 0`);
  });

  test('succeeds although it cannot remove a tree of root that it has moved aside', async () => {
    const { job, workspace } = await prepare({ 'tree/a': 'new' }, { 'tree/a/theirs/x': 'x' });
    chownSync(join(workspace, 'tree/a/theirs'), 0, 0);
    expect(await runRestoreProcess(job)).toMatchObject({ exitCode: 0 });
    expect(readFileSync(join(workspace, 'tree/a'), 'utf8')).toBe('new');
  });

  test('keeps the owners of all types of entries', async () => {
    const directory = scratch();
    const [source, workspace] = [join(directory, 'source'), join(directory, 'work')];
    const spec: TreeSpec = {
      'tree/file': { content: 'x', mode: 0o4755 },
      'tree/empty': '',
      'tree/large': Buffer.alloc(9_000_000, 'large'),
      'tree/link': { symlink: 'file' },
      'tree/second': { hardlink: 'tree/file' },
      'tree/sub/file': 'x',
      'tree/sub': { directory: true, mode: 0o2750 },
    };
    const ownAll = (root: string) => {
      for (const [index, name] of ['tree', ...Object.keys(spec)].entries())
        lchownSync(join(root, name), 1000 + index, 2000 + index);
      // A change of owner takes these bits away
      chmodSync(join(root, 'tree/file'), 0o4755);
    };
    await buildTree(source, spec);
    ownAll(source);
    const expected = await describeTree(source, { owners: true });
    const object = join(directory, 'object');
    writeFileSync(object, (await packTree(layoutIn(source))).object);
    const job = { object, workspace, patterns };
    for (const present of [{}, { 'tree/file': 'mine', 'tree/sub/file': 'mine' }]) {
      await buildTree(workspace, present);
      expect(await runRestoreProcess(job, 'self')).toMatchObject({ exitCode: 0 });
      expect(await describeTree(workspace, { owners: true })).toEqual(expected);
      rmSync(workspace, { recursive: true });
    }
  });

  test('restores a directory that its owner may not search, with its content', async () => {
    const { job, workspace, expected } = await prepare({
      'tree/closed/sub/file': 'x',
      'tree/closed/sub': { directory: true, mode: 0o500, mtime: 1_500_000_000_000_001 },
      'tree/closed': { directory: true, mode: 0o600, mtime: 1_500_000_000_000_002 },
      'tree/shut/sub': { directory: true, mode: 0o700 },
      'tree/shut': { directory: true, mode: 0o000 },
    });
    expect(await runRestoreProcess(job)).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await describeTree(workspace)).toEqual(expected);
  });

  test('replaces files of other users and sets the owners of the archive', async () => {
    const { job, workspace, expected } = await prepare(modules, {
      'tree/x@v1/go.mod': { content: 'old', mode: 0o400 },
      'tree/x@v1': { directory: true, mode: 0o500 },
    });
    expect(await runRestoreProcess(job, 'self')).toMatchObject({ exitCode: 0 });
    const tree = await describeTree(workspace, { owners: true });
    expect(await describeTree(workspace)).toEqual(expected);
    expect(new Set(Object.values(tree).map(({ uid }) => uid))).toEqual(new Set([0]));
    expect(existsSync(join(workspace, 'tree/x@v1/deep/x.go'))).toBe(true);
  });
});
