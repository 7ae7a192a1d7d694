import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { EntryType } from '../../../src/archive/format/entry.ts';
import { RestoredLinks } from '../../../src/archive/fs/links/restored-links.ts';
import { RefusedAttributes } from '../../../src/archive/fs/refused-attributes.ts';
import { InlineRunner } from '../../../src/archive/pool/worker-pool.ts';
import { planTarget } from '../../../src/archive/publish/plan/plan-target.ts';
import { Stage } from '../../../src/archive/publish/stage.ts';
import { scratch } from '../../support/scratch.ts';
import { layoutIn } from '../support/archives.ts';

describe('a signal that is aborted before staging is complete', () => {
  const directory = {
    type: EntryType.directory,
    mode: 0o755,
    mtimeUs: 0,
    mtimeRestNs: 0,
    size: 0,
    target: '',
  };
  const rest = { linkTo: -1, uid: -1, gid: -1, frame: -1, offset: 0 };
  const names = ['./tree/', ...Array.from({ length: 2048 }, (_, index) => `./tree/${1e6 + index}/`)];
  const entries = names.map(name => ({ ...directory, ...rest, name }));
  const options = { restoredLinks: new RestoredLinks(), runLabel: '1-00000000', isWanted: () => true };
  const reason = new Error('the job was cancelled');
  const aborted = () => AbortSignal.abort(reason);

  test('ends the plan with its reason', async () => {
    const attempt = planTarget(entries, { ...options, layout: layoutIn(scratch()), signal: aborted() });
    await expect(attempt).rejects.toBe(reason);
  });

  test('ends the creation of directories with its reason, and staging is removed', async () => {
    const to = scratch();
    const layout = layoutIn(to);
    const plan = await planTarget(entries, { layout, ...options });
    const stage = new Stage(plan, entries, new InlineRunner(), new RefusedAttributes());
    try {
      await expect(stage.open(aborted())).rejects.toBe(reason);
      expect(readdirSync(join(plan.areas[0]!.path, '0')).length).toBeLessThan(names.length - 1);
      expect(await stage.discard()).toEqual([]);
    } finally {
      stage.close();
    }
    expect(readdirSync(to)).toEqual([]);
  });
});
