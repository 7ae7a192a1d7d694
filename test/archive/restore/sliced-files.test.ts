import { lstatSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { StagedFileError } from '../../../src/archive/archive-errors.ts';
import { EntryType, type Frame } from '../../../src/archive/format/entry.ts';
import { RefusedAttributes } from '../../../src/archive/fs/refused-attributes.ts';
import type { StagedPaths } from '../../../src/archive/publish/plan/target-plan.ts';
import { FrameContents } from '../../../src/archive/restore/frame-contents.ts';
import { SlicedFiles } from '../../../src/archive/restore/sliced-files.ts';
import { modes, requires } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';
import { entryOf } from '../support/entry-of.ts';
import { usePlatform } from '../support/platform.ts';

const frames: readonly Frame[] = [100, 50, 50].map(rawSize => ({
  size: 1,
  rawSize,
  sha256: new Uint8Array(32),
}));
const attributes = { mode: 0o440, mtimeUs: 1_500_000_000_000_000 };
const entries = [
  entryOf('./first', EntryType.file, { ...attributes, frame: 0, offset: 60, size: 80 }),
  entryOf('./second', EntryType.file, { ...attributes, frame: 1, offset: 40, size: 60 }),
  entryOf('./whole', EntryType.file, { frame: 0, offset: 0, size: 50 }),
];

const stagedAt = (at: StagedPaths['at']) => ({ at }) as Partial<StagedPaths> as StagedPaths;

function prepare() {
  const directory = scratch();
  const at = (entry: number) => join(directory, String(entry));
  const contents = new FrameContents({ frames, entries }, () => true);
  const files = new SlicedFiles(entries, stagedAt(at), new RefusedAttributes());
  const create = () => files.create(contents.sliced, undefined);
  const addWritten = (...written: number[]) => {
    for (const piece of contents.pieces(written)) if (piece.isSlice) files.addWritten(piece);
  };
  const modeOf = (entry: number) => lstatSync(at(entry)).mode & 0o777;
  return { at, create, addWritten, modeOf };
}

test(
  'a file in several frames is created at its length, and writable until its last slice is written',
  requires(modes),
  async () => {
    const { at, create, addWritten, modeOf } = prepare();
    await create();
    expect([lstatSync(at(0)).size, lstatSync(at(1)).size]).toEqual([80, 60]);
    expect(() => lstatSync(at(2))).toThrow('ENOENT');
    addWritten(1);
    expect([modeOf(0), modeOf(1)]).toEqual([0o600, 0o600]);
    addWritten(0);
    expect([modeOf(0), modeOf(1)]).toEqual([0o440, 0o600]);
    addWritten(2);
    expect(modeOf(1)).toBe(0o440);
    expect([lstatSync(at(0)).mtimeMs, lstatSync(at(1)).mtimeMs]).toEqual([
      1_500_000_000_000, 1_500_000_000_000,
    ]);
  },
);

test(
  'a file in several frames is finished with its last byte, whichever slice comes last',
  requires(modes),
  async () => {
    const directory = scratch();
    const at = (entry: number) => join(directory, String(entry));
    const file = entryOf('./x', EntryType.file, { ...attributes, frame: 1, offset: 49, size: 51 });
    const files = new SlicedFiles([file], stagedAt(at), new RefusedAttributes());
    await files.create([0], undefined);
    files.addWritten({ entry: 0, size: 50 });
    expect(lstatSync(at(0)).mode & 0o777).toBe(0o600);
    files.addWritten({ entry: 0, size: 1 });
    expect(lstatSync(at(0)).mode & 0o777).toBe(0o440);
  },
);

test('a file in several frames becomes read-only on a system without modes', requires(modes), async () => {
  usePlatform({ hasModes: false });
  const { create, addWritten, modeOf } = prepare();
  await create();
  addWritten(0, 1);
  expect([modeOf(0), modeOf(1)]).toEqual([0o444, 0o600]);
});

test('a file in several frames that cannot be created in staging fails with its path', async () => {
  const { at, create } = prepare();
  writeFileSync(at(0), '');
  const attempt = create();
  await expect(attempt).rejects.toThrow(StagedFileError);
  await expect(attempt).rejects.toMatchObject({ path: at(0), code: 'EEXIST' });
});

test('a signal ends the creation of files in several frames with its reason', async () => {
  const reason = new Error('the job was cancelled');
  const many = Array.from({ length: 2048 }, () => entries[0]!);
  const directory = scratch();
  const at = (entry: number) => join(directory, String(entry));
  const files = new SlicedFiles(many, stagedAt(at), new RefusedAttributes());
  const sliced = [...many.keys()];
  await expect(files.create(sliced, AbortSignal.abort(reason))).rejects.toBe(reason);
});
