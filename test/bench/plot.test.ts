import { describe, expect, test } from 'vitest';
import { drawBars } from '../../bench/plot/bar-chart.ts';
import { ceilingOf, peerSeconds } from '../../bench/plot/ceilings.ts';
import { numberIn, rowsBelow, treeBytes } from '../../bench/plot/results.ts';

const report = `# A report

Tree: 12 files, 34.5 MB, digest 0123.

## save

|      | wall s              | CPU s |
|:-----|--------------------:|------:|
| ours | 1.25 (1.00 to 1.50) |  2.00 |
| peer |                2.50 |  3.00 |

## restore

|      | wall s |
|:-----|-------:|
| ours |   0.50 |
`;

describe('the reader of results', () => {
  test('returns the rows of the table below a heading', () => {
    expect(rowsBelow(report, 'save')).toEqual([
      { '': 'ours', 'wall s': '1.25 (1.00 to 1.50)', 'CPU s': '2.00' },
      { '': 'peer', 'wall s': '2.50', 'CPU s': '3.00' },
    ]);
    expect(rowsBelow(report, 'restore')).toEqual([{ '': 'ours', 'wall s': '0.50' }]);
    expect(() => rowsBelow(report, 'delete')).toThrow("no section 'delete'");
  });

  test('returns the median of a cell, and the bytes of the tree', () => {
    expect(numberIn('1.25 (1.00 to 1.50)')).toBe(1.25);
    expect(() => numberIn('-')).toThrow("'-' is not a number");
    expect(treeBytes(report)).toBe(34.5e6);
  });
});

describe('the ceiling of a phase', () => {
  const cost = { mainSeconds: 1, workerSeconds: 12, rawBytes: 1e9, objectBytes: 1e9 };
  const host = { cores: 4, bitsPerSecond: 100e9, maxWorkers: 8 };

  test('is the slowest of main thread, workers and link', () => {
    expect(ceilingOf(cost, host)).toEqual({ limit: 'workers', seconds: 4 });
    expect(ceilingOf(cost, { ...host, bitsPerSecond: 1e9 })).toEqual({ limit: 'link', seconds: 8 });
    expect(ceilingOf({ ...cost, workerSeconds: 4 }, { ...host, cores: 16 })).toEqual({
      limit: 'main thread',
      seconds: 1,
    });
  });

  test('does not fall with more cores than there are workers', () => {
    expect(ceilingOf(cost, { ...host, cores: 64 })).toEqual({ limit: 'workers', seconds: 1.5 });
  });

  test('of the peers is the sum of transfer and tar', () => {
    expect(peerSeconds({ tarSeconds: 3, objectBytes: 1e9 }, 8e9)).toBe(4);
  });
});

test('a chart has a bar for each value, as long as the value, and no markup of its texts', () => {
  const svg = drawBars({
    title: 'a < b',
    unit: 'MB/s',
    series: ['one', 'two'],
    groups: [{ label: 'x & y', values: [100, 50] }],
  });
  expect(svg).toContain('a &#60; b');
  expect(svg).toContain('x &#38; y');
  const widths = [...svg.matchAll(/width="([\d.]+)" height="13"/g)].map(([, width]) => Number(width));
  expect(widths).toEqual([12, 12, 420, 210]);
  expect(svg).toContain('100 MB/s');
  expect(svg).toContain('50.0 MB/s');
});
