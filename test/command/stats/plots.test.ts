import { expect, test } from 'vitest';
import { columnPlot, type PlotBar, rowPlot } from '../../../src/command/stats/plots.ts';

const bar = (label: string, bytes: number): PlotBar => ({ label, bytes, title: `${label}: all of it` });

/** Returns the values of an attribute of the bars. */
const drawn = (plot: string, attribute: string) =>
  [...plot.matchAll(new RegExp(`<rect[^>]* ${attribute}="([^"]*)"`, 'g'))].map(([, value]) => Number(value));

const shown = (plot: string) => [...plot.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text);

test('the bars of a column plot begin at its base and are as high as their shares, and one above 0 is visible', () => {
  const plot = columnPlot([bar('a', 1000), bar('b', 500), bar('c', 1), bar('d', 0)]);
  expect(drawn(plot, 'height')).toEqual([180, 90, 1, 0]);
  expect(drawn(plot, 'y')).toEqual([20, 110, 199, 200]);
  expect(drawn(plot, 'x')).toEqual([16.8, 156.8, 296.8, 436.8]);
});

test('a column plot has no figure above a bar of 0', () => {
  expect(shown(columnPlot([bar('a', 5), bar('b', 0)]))).toEqual(['5 B', 'a', 'b']);
});

test('the bars of a row plot are as long as their shares, and without a value above 0 they are empty', () => {
  expect(drawn(rowPlot([bar('a', 1000), bar('b', 250), bar('c', 0)]), 'width')).toEqual([560, 140, 0]);
  expect(drawn(rowPlot([bar('a', 0)]), 'width')).toEqual([0]);
});

test('a row plot cuts a label of over 34 characters, and has all of it in its title', () => {
  const [fits, long] = ['x'.repeat(34), 'y'.repeat(35)];
  const plot = rowPlot([bar(fits, 1), bar(long, 1)]);
  expect(shown(plot)).toEqual([fits, '1 B', `${'y'.repeat(33)}…`, '1 B']);
  expect(plot).toContain(`<title>${long}: all of it</title>`);
});

test('a plot is as high as its rows, and one without rows is not empty', () => {
  expect(rowPlot([bar('a', 1), bar('b', 1), bar('c', 1)])).toContain('viewBox="0 0 560 96"');
  expect(rowPlot([])).toContain('viewBox="0 0 560 32"');
});

test.each([
  ['column', columnPlot],
  ['row', rowPlot],
])('a %s plot escapes foreign text in labels and titles', (_, plot) => {
  const hostile = '</title></text><script>';
  const text = plot([{ label: hostile, bytes: 1, title: hostile }]);
  expect(text).not.toContain('<script>');
  expect(text.match(/&#60;script&#62;/g)).toHaveLength(2);
});
