import { mkdtempSync, rmSync } from 'node:fs';
import { readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { publishNew } from '../../../src/storage/directory/files.ts';
import { ObjectExistsError } from '../../../src/storage/store-errors.ts';

let directory: string;
const at = (name: string) => path.join(directory, name);

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'cache-s3-files-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** What link(2) says on a file system without hard links. */
const noLinks = () => Promise.reject(Object.assign(new Error('EPERM'), { code: 'EPERM' }));

test.each([
  ['by link', undefined],
  ['without hard links', noLinks],
])('a free name is taken, a taken one is not: %s', async (_, link) => {
  await writeFile(at('%t1'), 'one');
  await writeFile(at('%t2'), 'two');
  await publishNew(at('%t1'), at('object'), link);
  await expect(publishNew(at('%t2'), at('object'), link)).rejects.toThrow(ObjectExistsError);
  expect(await readFile(at('object'), 'utf8')).toBe('one');
  expect((await readdir(directory)).sort()).toEqual(['%t2', 'object']);
});

test('without hard links one of several wins', async () => {
  const writers = Array.from({ length: 8 }, async (_, index) => {
    await writeFile(at(`%t${index}`), String(index));
    await publishNew(at(`%t${index}`), at('object'), noLinks);
    return String(index);
  });
  const winners = (await Promise.allSettled(writers)).filter(end => end.status === 'fulfilled');
  expect(winners).toHaveLength(1);
  expect(await readFile(at('object'), 'utf8')).toBe(winners[0]?.value);
});

test('a lock that a dead process left is broken, a fresh one respected', async () => {
  await writeFile(at('%t1'), 'one');
  await writeFile(at('%lobject'), '');
  await expect(publishNew(at('%t1'), at('object'), noLinks)).rejects.toThrow(ObjectExistsError);
  const longAgo = new Date(Date.now() - 3_600_000);
  await utimes(at('%lobject'), longAgo, longAgo);
  await publishNew(at('%t1'), at('object'), noLinks);
  expect(await readdir(directory)).toEqual(['object']);
});
