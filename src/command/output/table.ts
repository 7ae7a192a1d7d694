import { escapeLine } from '../../action/runner/escape.ts';
import type { Output } from './output.ts';

/** A column of a table. */
interface Column {
  readonly title: string;
  /** Numbers are aligned to the right. */
  readonly align?: 'right';
}

/** Number of the first rows, by which the columns get their widths. A longer cell below them widens its column from there on. */
const SAMPLE_ROWS = 500;

/** Writes a table of any number of rows, without a head if no columns are given. Cells are foreign text, which is escaped. */
export async function writeTable(
  output: Output,
  columns: readonly Column[],
  rows: AsyncIterable<readonly string[]> | Iterable<readonly string[]>,
): Promise<void> {
  const widths: number[] = [];
  const titles = columns.map(({ title }) => title);
  let sample: (readonly string[])[] | undefined = columns.length > 0 ? [titles] : [];
  const writeRow = (cells: readonly string[]) => {
    widen(widths, cells);
    return output.lines(formatRow(columns, widths, cells));
  };
  const writeSample = async () => {
    const first = sample ?? [];
    sample = undefined;
    for (const cells of first) widen(widths, cells);
    for (const cells of first) await writeRow(cells);
  };
  for await (const row of rows) {
    const cells = row.map(escapeLine);
    if (sample === undefined) await writeRow(cells);
    else if (sample.push(cells) > SAMPLE_ROWS) await writeSample();
  }
  await writeSample();
}

function widen(widths: number[], cells: readonly string[]): void {
  for (const [index, cell] of cells.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length);
}

function formatRow(columns: readonly Column[], widths: readonly number[], cells: readonly string[]): string {
  return cells
    .map((cell, index) => {
      const width = widths[index] ?? 0;
      return columns[index]?.align === 'right' ? cell.padStart(width) : cell.padEnd(width);
    })
    .join('  ')
    .trimEnd();
}
