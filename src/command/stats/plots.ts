import { escapeHtml } from '../../action/runner/escape.ts';
import { formatBytes } from '../../report/units.ts';

/** Plots as SVG. The styles of the page give them their colours. */

/** A bar of a plot, with foreign text. */
export interface PlotBar {
  readonly label: string;
  readonly bytes: number;
  /** Text that is shown when the pointer is over the bar. */
  readonly title: string;
}

const WIDTH = 560;

/** Returns a plot of vertical bars with their labels below. */
export function columnPlot(bars: readonly PlotBar[]): string {
  const [top, height, bottom] = [20, 180, 24];
  const step = WIDTH / bars.length;
  const most = Math.max(1, ...bars.map(({ bytes }) => bytes));
  const drawn = bars.map((bar, index) => {
    const size = barSize(bar.bytes, most, height);
    const [x, y] = [index * step + step * 0.12, top + height - size];
    const middle = index * step + step / 2;
    return `<g><title>${escapeHtml(bar.title)}</title>
<rect x="${x.toFixed(1)}" y="${y.toFixed(1)}" width="${(step * 0.76).toFixed(1)}" height="${size.toFixed(1)}" rx="2"/>
${bar.bytes > 0 ? text(middle, y - 5, formatBytes(bar.bytes), 'middle') : ''}
${text(middle, top + height + 16, bar.label, 'middle', 'faint')}</g>`;
  });
  const base = `<line x1="0" x2="${WIDTH}" y1="${top + height}" y2="${top + height}"/>`;
  return svg(top + height + bottom, [base, ...drawn]);
}

/** Longest label of a row, in characters. */
const MAX_LABEL = 34;

/** Returns a plot of horizontal bars, with the label and the value of each above it. */
export function rowPlot(bars: readonly PlotBar[]): string {
  const step = 32;
  const most = Math.max(1, ...bars.map(({ bytes }) => bytes));
  const drawn = bars.map((bar, index) => {
    const y = index * step;
    const label = bar.label.length > MAX_LABEL ? `${bar.label.slice(0, MAX_LABEL - 1)}…` : bar.label;
    return `<g><title>${escapeHtml(bar.title)}</title>
${text(0, y + 13, label, 'start')}
${text(WIDTH, y + 13, formatBytes(bar.bytes), 'end', 'faint')}
<rect x="0" y="${y + 18}" width="${barSize(bar.bytes, most, WIDTH).toFixed(1)}" height="8" rx="2"/></g>`;
  });
  return svg(Math.max(1, bars.length) * step, drawn);
}

/** Returns the length of a bar, from 0 to `length`. A value above 0 is visible. */
function barSize(value: number, most: number, length: number): number {
  return value === 0 ? 0 : Math.max(1, (value / most) * length);
}

function text(x: number, y: number, content: string, anchor: string, kind?: string): string {
  const style = kind === undefined ? '' : ` class="${kind}"`;
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}"${style}>${escapeHtml(content)}</text>`;
}

function svg(height: number, content: readonly string[]): string {
  return `<svg viewBox="0 0 ${WIDTH} ${height}" role="img">\n${content.join('\n')}\n</svg>`;
}
