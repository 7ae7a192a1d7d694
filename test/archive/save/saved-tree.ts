import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { EntryType } from '../../../src/archive/format/entry.ts';
import { openArchive } from '../../../src/archive/format/open-archive.ts';
import { lstatExact } from '../../../src/archive/fs/file-status.ts';
import { StatusRows } from '../../../src/archive/fs/status-rows.ts';
import type { CopyableBase } from '../../../src/archive/save/pack-source.ts';
import { SaveNotices } from '../../../src/archive/scan/save-notices.ts';
import { incompressible } from '../../support/random.ts';
import { scratch } from '../../support/scratch.ts';
import { buildTree } from '../../support/tree.ts';
import { HEAD, layoutIn, packTree, tailOf } from '../support/archives.ts';

/** Saves twelve incompressible files of 1 MiB; `copied` collects the numbers of bytes that an incremental save copies. */
export async function savedTree() {
  const workspace = scratch();
  const names = Array.from({ length: 12 }, (_, index) => `tree/${String(index).padStart(2, '0')}`);
  await buildTree(
    workspace,
    Object.fromEntries(names.map(name => [name, { content: incompressible(1024 * 1024, name) }])),
  );
  const layout = layoutIn(workspace);
  const { object } = await packTree(layout);
  const read = async (start: number, end: number) => Uint8Array.from(object.subarray(start, end));
  const { manifest } = await openArchive(tailOf(object), object.length, read);
  const rows = StatusRows.of(manifest.entries.length);
  manifest.entries.forEach(({ name, type }, index) => {
    if (type === EntryType.file) rows.set(index, lstatExact(layout.toAbsolute(name))!);
  });
  const copy = Promise.withResolvers<void>();
  const copied: number[] = [];
  const base: CopyableBase = {
    manifest,
    rows,
    contents: undefined,
    copy(bytes) {
      copied.push(bytes);
      return copy.promise;
    },
  };
  const options = {
    layout,
    roots: await layout.roots(),
    head: HEAD,
    notices: new SaveNotices(),
    output: { write: async () => {}, queueFill: 0 },
  };
  const change = (name: string, content: string | Buffer = 'changed') =>
    writeFileSync(path.join(workspace, name), content);
  return { base, options, copied, copy, change };
}
