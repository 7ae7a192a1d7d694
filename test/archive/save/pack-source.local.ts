import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { BaseOutgrownError } from '../../../src/archive/archive-errors.ts';
import { EntryType } from '../../../src/archive/format/entry.ts';
import { makeIncrementalSource } from '../../../src/archive/save/pack-source.ts';
import { collect } from '../../support/collect.ts';
import { savedTree } from './saved-tree.ts';

const noPool = () => expect.fail('no file was touched');

test('an incremental save finds changed files while the store still copies', async () => {
  const { base, options, copied, change } = await savedTree();
  change('tree/03');
  const source = makeIncrementalSource(options, base, noPool);
  expect(copied).toEqual([base.manifest.frames.reduce((sum, { size }) => sum + size, 0)]);
  expect(source.reusedBytes).toBe(copied[0]);
  const plans = await collect(source.plans);
  expect(plans.map(({ members }) => members.map(({ name }) => name))).toEqual([['./tree/', './tree/03']]);
  // The other files, whose data is reused
  expect(source.finish().entries).toBe(11);
});

test('an incremental save fails at the end of the scan when too much has changed', async () => {
  const { base, options, change } = await savedTree();
  for (const name of ['tree/03', 'tree/04', 'tree/05', 'tree/06']) change(name);
  const source = makeIncrementalSource(options, base, noPool);
  await collect(source.plans);
  expect(() => source.finish()).toThrow(BaseOutgrownError);
});

test('an incremental save fails at once when a file has taken the place of a directory', async () => {
  const { base, options } = await savedTree();
  // In the base, 00 was a directory
  const entries = base.manifest.entries.map(entry =>
    entry.name === './tree/00' ? { ...entry, name: './tree/00/', type: EntryType.directory, size: 0 } : entry,
  );
  const { plans } = makeIncrementalSource(
    options,
    { ...base, manifest: { ...base.manifest, entries } },
    noPool,
  );
  const drawn: string[] = [];
  const draw = async () => {
    for await (const { members } of plans) drawn.push(...members.map(({ name }) => name));
  };
  await expect(draw()).rejects.toThrow(BaseOutgrownError);
  expect(drawn).toEqual([]);
});

test('a signal ends the scan of an incremental save between two turns of the event loop', async () => {
  const { base, options } = await savedTree();
  const workspace = options.layout.toAbsolute('./tree/');
  for (let index = 0; index < 600; index++) writeFileSync(path.join(workspace, `z${index}`), 'x');
  const { plans } = makeIncrementalSource(
    { ...options, signal: AbortSignal.abort(new Error('cancelled')) },
    base,
    noPool,
  );
  await expect(collect(plans)).rejects.toThrow('cancelled');
});
