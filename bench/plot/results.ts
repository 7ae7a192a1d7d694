/** Reads tables back from the reports in bench/results/. */

/** A row of a table, by the heads of its columns. The first column has the head ''. */
export type Row = Readonly<Record<string, string>>;

/** Returns the rows of the first table below a heading. Throws if there is none. */
export function rowsBelow(report: string, heading: string): readonly Row[] {
  const from = report.indexOf(`\n## ${heading}\n`);
  if (from < 0) throw new Error(`the report has no section '${heading}'`);
  const lines = report.slice(from + 1).split('\n');
  const start = lines.findIndex(line => line.startsWith('|'));
  const end = lines.findIndex((line, index) => index > start && !line.startsWith('|'));
  const [head = [], , ...rows] = lines.slice(start, end < 0 ? undefined : end).map(cellsOf);
  return rows.map(cells => Object.fromEntries(head.map((name, index) => [name, cells[index] ?? ''])));
}

function cellsOf(line: string): string[] {
  return line
    .split('|')
    .slice(1, -1)
    .map(cell => cell.trim());
}

/** Returns the number at the start of a cell: `2.04 (2.04 to 2.06)` is 2.04. */
export function numberIn(cell: string | undefined): number {
  const value = Number.parseFloat(cell ?? '');
  if (Number.isNaN(value)) throw new Error(`'${cell}' is not a number`);
  return value;
}

/** Returns the bytes of the measured tree. */
export function treeBytes(report: string): number {
  return numberIn(/^Tree: \d+ files, ([\d.]+) MB/m.exec(report)?.[1]) * 1e6;
}
