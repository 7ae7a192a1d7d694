import * as fs from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { buildTree, deleteTree, describeTree } from '../../support/tree.ts';
import { expectResult, Job } from '../job.ts';
import { describeStores } from '../stores.ts';

const share = '\\\\srv\\share';

/** Lines of `path`, and the directory that each names. */
const places = [
  ['C:\\cached\\x', 'C:\\cached\\x'],
  ['c:/cached/x', 'C:\\cached\\x'],
  ['E:\\cached\\x\\', 'E:\\cached\\x'],
  ['e:/cached/x', 'E:\\cached\\x'],
  [`${share}\\cached\\x`, `${share}\\cached\\x`],
  ['\\cached\\x', 'D:\\cached\\x'],
  ['~/cached/x', path.join(homedir(), 'cached/x')],
  ['~\\cached\\x', path.join(homedir(), 'cached/x')],
] as const;

const above = [...new Set(places.map(([, directory]) => path.dirname(directory)))];

beforeEach(async () => {
  for (const directory of above) await fs.rm(directory, { recursive: true, force: true });
  return async () => {
    for (const directory of above) await deleteTree(directory);
  };
});

describeStores(store => {
  test.each(places)('the path line %s is saved and restored', async (line, directory) => {
    const inputs = await store.open();
    await buildTree(directory, { 'a/b': 'content', empty: { directory: true } });
    const saved = await describeTree(directory);
    expectResult(await new Job(inputs).save({ key: 'k', path: line }), 'saved');
    await fs.rm(path.dirname(directory), { recursive: true });
    expectResult(await new Job(inputs).restore({ key: 'k', path: line }), 'hit');
    expect(await describeTree(directory)).toEqual(saved);
  });

  test('one cache holds directories of four drives', async () => {
    const inputs = await store.open();
    const lines = ['C:\\cached\\x', 'D:\\cached\\x', 'E:\\cached\\x', `${share}\\cached\\x`];
    for (const line of lines) await buildTree(line, { file: `content of ${line}` });
    const step = { key: 'k', path: lines.join('\r\n') };
    expectResult(await new Job(inputs).save(step), 'saved');
    for (const line of lines) await fs.rm(path.dirname(line), { recursive: true });
    expectResult(await new Job(inputs).restore(step), 'hit');
    for (const line of lines)
      expect(await fs.readFile(path.join(line, 'file'), 'utf8')).toBe(`content of ${line}`);
  });
});
