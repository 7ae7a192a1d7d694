import * as fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { ballast, jobsOf, reused } from '../../storage/incremental/jobs.ts';
import { buildTree, describeTree, setMtime } from '../../support/tree.ts';
import { spec, time } from './warm-tree.ts';

describe('a warm restore', () => {
  test('of an untouched tree reads only the end of the object and writes nothing', async () => {
    const { job } = jobsOf();
    const one = job();
    await buildTree(one.workspace, { ...ballast, ...spec });
    await one.saveInFull('k');
    const before = await changeTimes(one.workspace);
    one.transferred = 0;
    expect(await one.restore('k', { isWarm: true })).toMatchObject({ rawBytes: 0 });
    expect(one.transferred).toBeLessThan(300_000);
    expect(await changeTimes(one.workspace)).toEqual(before);
    expect(fs.readdirSync(one.workspace)).toEqual(['tree']);
  });

  test('of an untouched tree removes the staging that a killed restore has left above it', async () => {
    const { job } = jobsOf();
    const one = job();
    await buildTree(one.workspace, spec);
    await one.saveInFull('k');
    const left = path.join(one.workspace, '.cache-s3-1-00000000-00000000');
    const young = path.join(one.workspace, '.cache-s3-1-00000000-00000001');
    for (const staging of [left, young]) fs.mkdirSync(staging);
    const longAgo = new Date(Date.now() - 2 * 86_400_000);
    fs.utimesSync(left, longAgo, longAgo);
    expect(await one.restore('k', { isWarm: true })).toMatchObject({ rawBytes: 0 });
    expect(fs.readdirSync(one.workspace)).toEqual([path.basename(young), 'tree']);
  });

  test('of an untouched tree writes no record for an incremental save', async () => {
    const { job } = jobsOf();
    const one = job();
    await buildTree(one.workspace, spec);
    await one.saveInFull('k');
    expect(await one.restore('none', { isWarm: true })).toMatchObject({ key: 'k', rawBytes: 0 });
    expect(fs.readdirSync(one.temp)).toEqual([]);
  });

  test.each([
    ['a full save', 1, false],
    ['an incremental save', 8, true],
  ])('of another key leads to %s if it writes %i of nine equal files', async (_, written, isIncremental) => {
    const { job } = jobsOf();
    const one = job();
    await buildTree(one.workspace, { ...ballast, ...spec });
    await one.saveInFull('k-1');
    for (let file = 0; file < written; file++) fs.rmSync(path.join(one.workspace, `tree/ballast/${file}`));
    await one.restore('none', { isWarm: true });
    expect(reused(await one.save('k-2')) > 0).toBe(isIncremental);
  });

  test('fetches and writes only the entries that differ', async () => {
    const { job } = jobsOf();
    const one = job();
    await buildTree(one.workspace, { ...ballast, ...spec });
    await one.saveInFull('k');
    const saved = await describeTree(one.workspace);
    const before = await inodes(one.workspace);
    const tree = path.join(one.workspace, 'tree');
    fs.writeFileSync(`${tree}/ballast/4`, 'torn');
    fs.rmSync(`${tree}/b`);
    fs.rmSync(`${tree}/link`);
    fs.writeFileSync(`${tree}/sub/of-another-job`, 'stays');
    one.transferred = 0;
    const outcome = await one.restore('k', { isWarm: true });
    expect(outcome).toMatchObject({ rawBytes: 700_000 + 'bbbb'.length });
    // One of the two frames, and the object's end
    expect(one.transferred).toBeLessThan(4_000_000);
    const after = await inodes(one.workspace);
    const replaced = Object.keys(before).filter(name => before[name] !== after[name]);
    expect(replaced).toEqual(['tree/b', 'tree/ballast/4', 'tree/link']);
    const found = await describeTree(one.workspace);
    const { 'tree/sub/of-another-job': other, ...rest } = found;
    expect(other).toMatchObject({ size: 5 });
    expect(rest).toEqual(saved);
  });

  test('sets the attributes of directories that differ or that it has written into', async () => {
    const { job } = jobsOf();
    const one = job();
    await buildTree(one.workspace, {
      ...spec,
      ...{ 'tree/mode/x': 'x', 'tree/mode': { directory: true, mode: 0o750, mtime: time } },
      ...{ 'tree/time/x': 'x', 'tree/time': { directory: true, mtime: time } },
      ...{ 'tree/file/x': 'x', 'tree/file': { directory: true, mtime: time } },
      ...{ 'tree/linked/x': 'x', 'tree/linked': { directory: true, mtime: time } },
      ...{ 'tree/fine/x': 'x', 'tree/fine': { directory: true, mtime: time } },
    });
    await one.saveInFull('k');
    const saved = await describeTree(one.workspace);
    const before = await changeTimes(one.workspace);
    const tree = path.join(one.workspace, 'tree');
    fs.chmodSync(`${tree}/mode`, 0o700);
    setMtime(`${tree}/time`, 1);
    fs.writeFileSync(`${tree}/file/x`, 'other');
    fs.renameSync(`${tree}/linked`, `${tree}/elsewhere`);
    fs.symlinkSync('elsewhere', `${tree}/linked`);
    await one.restore('k', { isWarm: true });
    fs.rmSync(`${tree}/elsewhere`, { recursive: true });
    await one.restore('k', { isWarm: true });
    expect(await describeTree(one.workspace)).toEqual(saved);
    expect((await changeTimes(one.workspace))['tree/fine']).toBe(before['tree/fine']);
  });

  test('does not notice changed content of equal size, mode and time', async () => {
    const { job } = jobsOf();
    const one = job();
    await buildTree(one.workspace, spec);
    await one.saveInFull('k');
    fs.writeFileSync(path.join(one.workspace, 'tree/a'), 'AAAA');
    setMtime(path.join(one.workspace, 'tree/a'), time);
    await one.restore('k', { isWarm: true });
    expect(fs.readFileSync(path.join(one.workspace, 'tree/a'), 'utf8')).toBe('AAAA');
    await one.restore('k');
    expect(fs.readFileSync(path.join(one.workspace, 'tree/a'), 'utf8')).toBe('aaaa');
  });
});

/** The identity of everything but directories, by name. */
async function inodes(root: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const [name, { type }] of Object.entries(await describeTree(root))) {
    const { ino, birthtimeNs } = fs.lstatSync(path.join(root, name), { bigint: true });
    // A new file may get the inode number of a removed one
    if (type !== 'directory') found[name] = `${ino} ${birthtimeNs}`;
  }
  return found;
}

/** Returns the change time of each entry below `root`. */
async function changeTimes(root: string): Promise<Record<string, string>> {
  const names = Object.keys(await describeTree(root));
  const stats = (name: string) => fs.lstatSync(path.join(root, name), { bigint: true });
  return Object.fromEntries(names.map(name => [name, String(stats(name).ctimeNs)]));
}
