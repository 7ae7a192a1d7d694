import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { EntryType } from '../../../src/archive/format/entry.ts';
import { RestoredLinks } from '../../../src/archive/fs/links/restored-links.ts';
import { RefusedAttributes } from '../../../src/archive/fs/refused-attributes.ts';
import { planTarget } from '../../../src/archive/publish/plan/plan-target.ts';
import { Stage } from '../../../src/archive/publish/stage.ts';
import { InlineRunner } from '../../../src/archive/worker/worker.ts';
import { posix, requires } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';
import { layoutIn } from '../support/archives.ts';
import { entryOf } from '../support/entry-of.ts';

const names = ['./tree/', ...Array.from({ length: 2048 }, (_, index) => `./tree/${1e6 + index}/`)];
const entries = names.map(name => entryOf(name, EntryType.directory));
const options = { restoredLinks: new RestoredLinks(), runLabel: '1-00000000', isWanted: () => true };
const reason = new Error('the job was cancelled');

test('a signal ends the creation of directories in staging with its reason, and staging can be removed', async () => {
  const to = scratch();
  const layout = layoutIn(to);
  const plan = await planTarget(entries, { layout, ...options });
  const stage = new Stage(plan, new InlineRunner(), new RefusedAttributes());
  try {
    await expect(stage.open(AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(readdirSync(join(plan.areas[0]!.path, '0')).length).toBeLessThan(names.length - 1);
    expect(await stage.discard()).toEqual([]);
  } finally {
    stage.close();
  }
  expect(readdirSync(to)).toEqual([]);
});

test(
  'the umask of the process is 0 while a stage is open, and as before after it',
  requires(posix),
  async () => {
    const before = process.umask(0o027);
    onTestFinished(() => void process.umask(before));
    const umask = () => {
      const current = process.umask(0);
      process.umask(current);
      return current;
    };
    const plan = await planTarget([], { layout: layoutIn(scratch()), ...options });
    const stage = new Stage(plan, new InlineRunner(), new RefusedAttributes());
    await stage.open();
    const whileOpen = umask();
    stage.close();
    expect([whileOpen, umask()]).toEqual([0, 0o027]);
  },
);
