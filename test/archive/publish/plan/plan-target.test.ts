import { expect, test } from 'vitest';
import { UnusableArchiveError } from '../../../../src/archive/archive-errors.ts';
import { type Entry, EntryType } from '../../../../src/archive/format/entry.ts';
import { RestoredLinks } from '../../../../src/archive/fs/links/restored-links.ts';
import { planTarget } from '../../../../src/archive/publish/plan/plan-target.ts';
import { instead } from '../../../support/file-system-calls.ts';
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
