import { expect, test } from 'vitest';
import { createOutput } from '../../../src/command/output/output.ts';
import { Tally } from '../../../src/command/stats/tally.ts';
import { drawBar, writeText } from '../../../src/command/stats/text-report.ts';
import { memoryStreams } from '../support.ts';
import { cacheEntry, NOW } from './cache-entry.ts';

/** Returns the report on a terminal of so many columns. */
async function reportOf(tally: Tally, { top = 10, columns = 0 } = {}): Promise<string> {
  const { stdout, stderr, out } = memoryStreams();
  const terminal = Object.assign(stdout, { isTTY: columns > 0, columns });
  const output = createOutput({ json: false, stdout: terminal, stderr });
  await writeText(output, tally, { place: 'bucket ci', prefix: 'cache-s3', madeMs: NOW, top });
  return out();
}

test('a bar in the terminal is as long as its share, and visible if it is above 0', () => {
  expect([0, 0.0001, 0.5, 0.51, 1].map(share => drawBar(share, 10))).toEqual([
    '',
    '▏',
    '█████',
    '█████▏',
    '██████████',
  ]);
});

test('the report of a store without caches has no tables', async () => {
  expect(await reportOf(new Tally())).toBe(
    'bucket ci, below cache-s3/: 0 caches, 0 B\nThe last use of 0 caches is noted.\n',
  );
});

test('the report counts the objects that are no caches, each kind with what becomes of it', async () => {
  const tally = new Tally();
  tally.strayMarkers = 1;
  tally.trialObjects = 2000;
  tally.foreignObjects = 3;
  expect(await reportOf(tally)).toContain(
    `1 marker without a cache: prune deletes them.
2,000 trial objects of doctor: prune deletes them after a day.
3 objects of other programs: prune does not delete them.
`,
  );
});

test('the report has as many groups as --top, and the number of the others', async () => {
  const tally = new Tally();
  for (const [at, repository] of ['org/a', 'org/b', 'org/c'].entries())
    tally.add(cacheEntry(5, 3, { repository, sizeBytes: 1000 * (at + 1) }), NOW);
  expect(await reportOf(tally, { top: 2 })).toMatch(
    /\n\nREPOSITORY +CACHES +SIZE +LAST USE\norg\/c +1 +3\.0 kB +3 d\norg\/b +1 +2\.0 kB +3 d\n\.\.\. and 1 more \(--top\)\n\nSCOPE /,
  );
  expect(await reportOf(tally, { top: 3 })).not.toContain('--top');
});

test('the largest bar of a chart fills the columns beside its figures, at least 10 and at most 60', async () => {
  const tally = new Tally();
  tally.add(cacheEntry(0), NOW);
  const longest = async (columns: number) => {
    const bars = (await reportOf(tally, { columns })).match(/█+/g) ?? [];
    return Math.max(...bars.map(({ length }) => length));
  };
  expect([await longest(20), await longest(80), await longest(500)]).toEqual([10, 38, 60]);
});

test('the report ends with what prune --unused would delete', async () => {
  const tally = new Tally();
  for (const days of [1, 10, 100]) tally.add(cacheEntry(days), NOW);
  expect(await reportOf(tally)).toMatch(
    /\n\nPRUNE --UNUSED +CACHES +SIZE\n3d +2 +2\.0 kB\n7d +2 +2\.0 kB\n14d +1 +1\.0 kB\n(?:\d\dd +1 +1\.0 kB\n){3}$/,
  );
});

test('the report states how many caches have no known time, and prints none for their groups', async () => {
  const tally = new Tally();
  const { object } = cacheEntry(1);
  tally.add(cacheEntry(1, undefined, { object: { ...object, modifiedMs: undefined } }), NOW);
  const report = await reportOf(tally);
  expect(report).toContain('\nThe age or the last use of 1 cache is not known.\n');
  expect(report).toMatch(/\norg\/repo +1 +1\.0 kB +not known\n/);
});
