import { countOf, formatAgeOf, formatBytes, formatCount } from '../../report/units.ts';
import type { Output } from '../output/output.ts';
import { writeTable } from '../output/table.ts';
import { type Bar, barLabel, type GroupKind, type StatsFacts, type Tally } from './tally.ts';

/** Writes the figures as tables and charts of a terminal. */
export async function writeText(output: Output, tally: Tally, facts: StatsFacts): Promise<void> {
  const { all, marked, unknownTime, strayMarkers, trialObjects, foreignObjects } = tally;
  const others = [
    [unknownTime.caches, `The age or the last use of ${countOf(unknownTime.caches, 'cache')} is not known.`],
    [strayMarkers, `${countOf(strayMarkers, 'marker')} without a cache: prune deletes them.`],
    [trialObjects, `${countOf(trialObjects, 'trial object')} of doctor: prune deletes them after a day.`],
    [foreignObjects, `${countOf(foreignObjects, 'object')} of other programs: prune does not delete them.`],
  ] as const;
  await output.lines(
    `${facts.place}, below ${facts.prefix}/: ${countOf(all.caches, 'cache')}, ${formatBytes(all.bytes)}`,
    `The last use of ${countOf(marked.caches, 'cache')} is noted.`,
    ...others.filter(([count]) => count > 0).map(([, line]) => line),
  );
  if (all.caches === 0) return;
  for (const [title, kind] of TABLES) await writeGroups(output, title, tally, kind, facts);
  await writeChart(output, 'AGE', tally.ages);
  await writeChart(output, 'LAST USE', tally.lastUses);
  await output.lines('');
  await writeTable(
    output,
    [{ title: 'PRUNE --UNUSED' }, { title: 'CACHES', align: 'right' }, { title: 'SIZE', align: 'right' }],
    tally.unused.map(({ days, caches, bytes }) => [`${days}d`, formatCount(caches), formatBytes(bytes)]),
  );
}

const TABLES = [
  ['REPOSITORY', 'repositories'],
  ['SCOPE', 'scopes'],
  ['KEY PREFIX', 'keyPrefixes'],
] as const;

async function writeGroups(
  output: Output,
  title: string,
  tally: Tally,
  kind: GroupKind,
  { madeMs, top }: StatsFacts,
): Promise<void> {
  const groups = tally.largest(kind, top);
  await output.lines('');
  await writeTable(
    output,
    [
      { title },
      { title: 'CACHES', align: 'right' },
      { title: 'SIZE', align: 'right' },
      { title: 'LAST USE', align: 'right' },
    ],
    groups.map(({ name, caches, bytes, lastUseMs }) => [
      name,
      formatCount(caches),
      formatBytes(bytes),
      formatAgeOf(lastUseMs, madeMs),
    ]),
  );
  const others = tally.countGroups(kind, groups.length);
  if (others !== '0') await output.lines(`... and ${others} more (--top)`);
}

/** Columns of the terminal besides the bar, for label, size and number. */
const TEXT_COLUMNS = 42;
const MAX_BAR = 60;
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

async function writeChart(output: Output, title: string, bars: readonly Bar[]): Promise<void> {
  const width = Math.max(10, Math.min(MAX_BAR, output.columns - TEXT_COLUMNS));
  const most = Math.max(1, ...bars.map(({ bytes }) => bytes));
  await output.lines('');
  await writeTable(
    output,
    [{ title }, { title: 'SIZE', align: 'right' }, { title: 'CACHES', align: 'right' }, { title: '' }],
    bars.map(bar => [
      barLabel(bar),
      formatBytes(bar.bytes),
      formatCount(bar.caches),
      drawBar(bar.bytes / most, width),
    ]),
  );
}

/** Draws a bar for a share from 0 to 1 of `width` columns, in eighths of a column. A share above 0 is visible. */
export function drawBar(share: number, width: number): string {
  const eighths = share === 0 ? 0 : Math.max(1, Math.round(share * width * 8));
  return '█'.repeat(eighths >> 3) + EIGHTHS[eighths & 7]!;
}
