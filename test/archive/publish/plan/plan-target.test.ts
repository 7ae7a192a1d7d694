import { expect, test } from 'vitest';
import { UnusableArchiveError } from '../../../../src/archive/archive-errors.ts';
import { type Entry, EntryType } from '../../../../src/archive/format/entry.ts';
import { RestoredLinks } from '../../../../src/archive/fs/links/restored-links.ts';
import { planTarget } from '../../../../src/archive/publish/plan/plan-target.ts';
import { layoutIn } from '../../support/archives.ts';
import { instead } from '../staged.ts';

test('a plan for a drive that does not exist fails with the name of the drive', async () => {
  // As on Windows, where the root of `Q:\cache\x` need not exist: `/` is no directory here
  instead('statSync', () => (() => undefined) as never);
  instead('lstatSync', () => (() => undefined) as never);
  const entries = [{ name: '/drive/cache/x', type: EntryType.file } as Entry];
  const attempt = planTarget(entries, {
    layout: layoutIn('/drive/workspace', ['/drive/cache']),
    restoredLinks: new RestoredLinks(),
    isWanted: () => true,
    runLabel: '1-00000000',
  });
  await expect(attempt).rejects.toThrow(UnusableArchiveError);
  await expect(attempt).rejects.toThrow(/it has entries on [\\/], a drive or share/);
});
