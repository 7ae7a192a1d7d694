import { describe, expect, test } from 'vitest';
import { cpuTicks } from '../../bench/process/gateway-cpu.ts';
import { readReport } from '../../bench/programs/program.ts';
import { formatSpread, median, ratio } from '../../bench/report/statistics.ts';
import { table } from '../../bench/report/table.ts';

describe('statistics', () => {
  test('the median is the middle value, or the mean of the two in the middle', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(() => median([])).toThrow(RangeError);
  });

  test('a ratio is that of the pairs and not of the medians', () => {
    expect(ratio([1, 4, 9], [1, 2, 3])).toEqual({ median: 2, min: 1, max: 3 });
    expect(() => ratio([1], [1, 2])).toThrow(RangeError);
    expect(formatSpread({ median: 2, min: 1, max: 3 }, 2)).toBe('2.00 (1.00 to 3.00)');
  });
});

test('CPU ticks are found behind a process name with blanks and brackets', () => {
  const fields = ['S', ...Array.from({ length: 10 }, () => '0'), '123', '45', '9', '9'];
  expect(cpuTicks(`77 (a ) b (c) ${fields.join(' ')}`)).toBe(168);
});

test('the result of a program is read from its last line', () => {
  const output = 'Cache saved\ncache-s3: op=save source=s3 result=saved bytes=12 ms=3 requests=4 retries=0\n';
  expect(readReport(output)).toEqual({ result: 'saved', bytes: 12, reused: undefined, requests: 4 });
  const none = { result: undefined, bytes: undefined, reused: undefined, requests: undefined };
  expect(readReport('another line')).toEqual(none);
});

test('a table has text to the left and figures to the right', () => {
  expect(table(['name', 's'], [['long name', '1']])).toBe(
    ['| name      |   s |', '|:----------|----:|', '| long name |   1 |'].join('\n'),
  );
});
