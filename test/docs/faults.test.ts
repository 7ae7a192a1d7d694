import { expect, test } from 'vitest';
import { markdown } from '../faults/table.ts';
import { read } from './documents.ts';

const results = read('docs/results/faults.md').split('\n');

test('docs/results/faults.md has the form that npm run faults writes', () => {
  const empty = markdown([]).split('\n');
  const withoutCounts = (lines: string[]) => lines.map(line => line.replaceAll(/\d+ of \d+/g, 'N of N'));
  expect(withoutCounts(results.slice(0, empty.length))).toEqual(withoutCounts(empty));
});

test('docs/faults.md counts the rows of docs/results/faults.md, of which none is red', () => {
  const rows = results.filter(line => line.startsWith('| ')).length - 1;
  expect(results.join('\n')).toContain(`${rows} of ${rows} rows are green`);
  const summary = read('docs/faults.md').split('## Summary of the results\n')[1]?.split('\n## ')[0] ?? '';
  const counts = [...summary.matchAll(/ \| (\d+) +\| /g)].map(([, count]) => Number(count));
  expect(counts.length).toBeGreaterThan(5);
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(rows);
  expect(read('docs/faults.md')).toContain(`results/faults.md): ${rows} rows`);
});
