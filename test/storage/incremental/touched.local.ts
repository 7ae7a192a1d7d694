import fs from 'node:fs';
import { describe, expect, test } from 'vitest';
import { isRoot } from '../../support/drop-privileges.ts';
import { instead } from '../../support/file-system-calls.ts';
import { incompressible } from '../../support/random.ts';
import { jobsOf, packedBy } from './jobs.ts';
import { npmTime, rewriteInPlace, saveAgain, saveTouched } from './save-again.ts';

/** Files that a build touches between the restore and the save of one step, without a change to their content. */

const now = 1_700_000_000;

/** Sets the time of every file of the tree, as build caches do. */
function touchAll(tree: string): void {
  for (const entry of fs.readdirSync(tree, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) fs.utimesSync(`${entry.parentPath}/${entry.name}`, now, now);
  }
}

/** A file of two slices, which compress to next to nothing. */
const large = { content: Buffer.alloc(9_000_000, 'slices of a large file'), mtime: 1 };
const names = {
  'tree/1-first': { content: 'several names', mtime: npmTime },
  'tree/2-second': { hardlink: 'tree/1-first' },
};

describe('a save after a restore of the same step', () => {
  test('packs no data of a tree of which each file was touched in each of two generations', async () => {
    const { isIncremental, packed, job } = await saveTouched(
      { 'tree/a': 'a', 'tree/sub/b': 'b', 'tree/large': large, ...names },
      touchAll,
      tree => {
        touchAll(tree);
        fs.utimesSync(`${tree}/2-second`, now + 1, now + 1);
      },
    );
    expect([isIncremental, packed]).toEqual([true, []]);
    const { entries } = (await job.open('k-2')).manifest;
    expect(entries.find(({ name }) => name === './tree/1-first')?.mtimeUs).toBe((now + 1) * 1e6);
  });

  test('packs no data of files with other modes or owners, or replaced by files with the same content', async () => {
    const { packed } = await saveTouched(
      { 'tree/a': { content: 'a', mode: 0o644 }, 'tree/b': 'b', 'tree/c': 'c', 'tree/large': large },
      tree => {
        fs.chmodSync(`${tree}/a`, 0o755);
        if (isRoot) fs.chownSync(`${tree}/b`, 7, 8);
        for (const name of ['c', 'large']) {
          fs.copyFileSync(`${tree}/${name}`, `${tree}/new`);
          fs.renameSync(`${tree}/new`, `${tree}/${name}`);
        }
      },
    );
    expect(packed).toEqual([]);
  });

  test('packs, between touched files, those with other data of the same size', async () => {
    const spec = {
      'tree/a': { content: 'one', mtime: npmTime },
      'tree/b': 'two',
      'tree/c': 'c',
      'tree/large': large,
      'tree/large-too': large,
      ...names,
    };
    const { isIncremental, packed } = await saveTouched(spec, tree => {
      fs.copyFileSync(`${tree}/2-second`, `${tree}/copy`);
      fs.renameSync(`${tree}/copy`, `${tree}/2-second`);
      touchAll(tree);
      // Two files change places
      fs.renameSync(`${tree}/a`, `${tree}/d`);
      fs.renameSync(`${tree}/b`, `${tree}/a`);
      fs.renameSync(`${tree}/d`, `${tree}/b`);
      const fd = fs.openSync(`${tree}/large`, 'r+');
      fs.writeSync(fd, 'X', 8_500_000);
      fs.closeSync(fd);
      rewriteInPlace(`${tree}/ballast/3`, 'x'.repeat(700_000));
    });
    const expected = ['./tree/2-second', './tree/a', './tree/b', './tree/ballast/3', './tree/large'];
    expect([isIncremental, packed]).toEqual([true, expected]);
  });

  test('packs a file that changes while it is read to compare it', async () => {
    const { job: newJob } = jobsOf();
    const first = newJob();
    fs.mkdirSync(`${first.workspace}/tree`);
    fs.writeFileSync(`${first.workspace}/tree/ballast`, incompressible(7_000_000, 'ballast'));
    fs.writeFileSync(`${first.workspace}/tree/small`, 'a touched file');
    await first.saveInFull('k-0');
    const job = newJob();
    await job.restore('none', { savesLater: true });
    const small = `${job.workspace}/tree/small`;
    fs.utimesSync(small, now, now);
    let reads = 0;
    afterRead(fd => {
      if (fs.fstatSync(fd).ino !== fs.statSync(small).ino || ++reads > 1) return;
      fs.writeFileSync(small, 'CHANGED BY NOW');
    });
    expect(await job.save('k-1')).toMatchObject({ kind: 'saved' });
    expect(reads).toBeGreaterThan(1);
    expect(await packedBy(job, 'k-1', 'k-0')).toEqual(['./tree/small']);
    const reader = newJob();
    await reader.restore('k-1');
    expect(fs.readFileSync(`${reader.workspace}/tree/small`, 'utf8')).toBe('CHANGED BY NOW');
  });
});

test('a save is a full one if most of the touched files have other content', async () => {
  const { isIncremental } = await saveTouched({}, tree => {
    for (const index of [0, 1, 2, 3, 4]) {
      const file = `${tree}/ballast/${index}`;
      rewriteInPlace(file, incompressible(700_000, `other ${index}`) as unknown as string);
    }
  });
  expect(isIncremental).toBe(false);
});

test('a save after restore/, which does not know of it, packs touched files', async () => {
  const { isIncremental, packed } = await saveAgain({ 'tree/a': 'a' }, tree =>
    fs.utimesSync(`${tree}/a`, now, now),
  );
  expect([isIncremental, packed]).toEqual([true, ['./tree/a']]);
});

/** Calls `then` after each read of this thread. */
function afterRead(then: (fd: number) => void): void {
  instead(
    'readSync',
    read =>
      ((fd: number, ...given: [Buffer, number, number, number]) => {
        const count = read(fd, ...given);
        then(fd);
        return count;
      }) as typeof read,
  );
}
