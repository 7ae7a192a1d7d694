import { mkdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { UnusableArchiveError } from '../../../../src/archive/archive-errors.ts';
import { type Entry, EntryType } from '../../../../src/archive/format/entry.ts';
import { RestoredLinks } from '../../../../src/archive/fs/links/restored-links.ts';
import { encodeName } from '../../../../src/archive/fs/paths/names.ts';
import { planTarget } from '../../../../src/archive/publish/plan/plan-target.ts';
import { instead } from '../../../support/file-system-calls.ts';
import { anyNames, requires } from '../../../support/platform-needs.ts';
import { scratch } from '../../../support/scratch.ts';
import { layoutIn } from '../../support/archives.ts';
import { entryOf } from '../../support/entry-of.ts';

const options = { restoredLinks: new RestoredLinks(), isWanted: () => true, runLabel: '1-00000000' };

test('a plan for a drive that does not exist fails with the name of the drive', async () => {
  // As on Windows, where the root of `Q:\cache\x` need not exist: `/` is no directory here
  instead('statSync', () => (() => undefined) as never);
  instead('lstatSync', () => (() => undefined) as never);
  const entries = [{ name: '/drive/cache/x', type: EntryType.file } as Entry];
  const layout = layoutIn('/drive/workspace', ['/drive/cache']);
  const attempt = planTarget(entries, { ...options, layout });
  await expect(attempt).rejects.toThrow(UnusableArchiveError);
  await expect(attempt).rejects.toThrow(/it has entries on [\\/], a drive or share/);
});

test('a signal ends the plan for thousands of directories with its reason', async () => {
  const names = ['./tree/', ...Array.from({ length: 2048 }, (_, index) => `./tree/${1e6 + index}/`)];
  const entries = names.map(name => entryOf(name, EntryType.directory));
  const reason = new Error('the job was cancelled');
  const layout = layoutIn(scratch());
  const attempt = planTarget(entries, { ...options, layout, signal: AbortSignal.abort(reason) });
  await expect(attempt).rejects.toBe(reason);
});

test(
  'a plan that fails below a directory whose name is not UTF-8 names the entry by its bytes',
  requires(anyNames),
  async () => {
    const workspace = scratch();
    mkdirSync(encodeName(`${workspace}/tree/\udcff`), { recursive: true });
    const long = `tree/\udcff/${'x'.repeat(300)}`;
    const entries = [
      entryOf('./tree/', EntryType.directory),
      entryOf('./tree/\udcff/', EntryType.directory),
      entryOf(`./${long}`, EntryType.file),
    ];
    await expect(planTarget(entries, { ...options, layout: layoutIn(workspace) })).rejects.toThrow(
      `${workspace}/${long} cannot be written (ENAMETOOLONG)`,
    );
  },
);
