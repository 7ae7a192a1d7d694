import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { checkOutputDirectory, checkOutputFile } from '../../../src/command/output/check-target.ts';
import { scratch } from '../../support/scratch.ts';

test('an output file is a new or old file in a directory that exists, and the check creates nothing', async () => {
  const root = scratch();
  const file = path.join(root, 'stats.html');
  await checkOutputFile(file);
  expect(existsSync(file)).toBe(false);
  writeFileSync(file, 'old');
  await checkOutputFile(file);
  await expect(checkOutputFile(root)).rejects.toThrow(`${root} cannot be written: it is a directory.`);
  for (const below of [path.join(root, 'absent'), file]) {
    await expect(checkOutputFile(path.join(below, 'x.html'))).rejects.toThrow(
      `${path.join(below, 'x.html')} cannot be written: there is no directory ${below}.`,
    );
  }
});

test('an output directory and its parents may be absent, but none of them may be a file', async () => {
  const root = scratch();
  await checkOutputDirectory(root);
  await checkOutputDirectory(path.join(root, 'a', 'b', 'c'));
  expect(readdirSync(root)).toEqual([]);
  mkdirSync(path.join(root, 'a'));
  const file = path.join(root, 'a', 'file');
  writeFileSync(file, '');
  for (const bad of [file, path.join(file, 'b')]) {
    await expect(checkOutputDirectory(bad)).rejects.toThrow(
      `${bad} cannot be written: ${file} is not a directory.`,
    );
  }
});
