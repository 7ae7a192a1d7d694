/** Bars of one group, such as a case. */
export interface BarGroup {
  readonly label: string;
  /** A value for each series. */
  readonly values: readonly number[];
}

export interface BarChart {
  readonly title: string;
  readonly unit: string;
  readonly series: readonly string[];
  readonly groups: readonly BarGroup[];
}

const WIDTH = 760;
const LABEL_WIDTH = 250;
const VALUE_WIDTH = 90;
/** Room for a name of up to four series. */
const LEGEND_WIDTH = 180;
const BAR_HEIGHT = 16;
const GROUP_GAP = 14;
const TOP = 64;
/** Readable on a white and on a black page. */
const COLOURS = ['#2563eb', '#b45309', '#0f766e', '#a21caf'];

/** Draws horizontal bars as a standalone SVG. A longer bar is a larger value. */
export function drawBars({ title, unit, series, groups }: BarChart): string {
  const largest = Math.max(...groups.flatMap(({ values }) => values));
  const scale = (WIDTH - LABEL_WIDTH - VALUE_WIDTH) / largest;
  const marks: string[] = [text(0, 18, title, 'bold')];
  series.forEach((name, index) => {
    marks.push(rectangle(index * LEGEND_WIDTH, 32, 12, index), text(index * LEGEND_WIDTH + 18, 43, name));
  });
  let y = TOP;
  for (const { label, values } of groups) {
    marks.push(text(0, y + (values.length * BAR_HEIGHT) / 2 + 4, label));
    values.forEach((value, index) => {
      const width = Math.max(1, value * scale);
      marks.push(
        rectangle(LABEL_WIDTH, y, width, index),
        text(LABEL_WIDTH + width + 6, y + 12, `${formatValue(value)} ${unit}`),
      );
      y += BAR_HEIGHT;
    });
    y += GROUP_GAP;
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${y}" viewBox="0 0 ${WIDTH} ${y}" role="img">`,
    `<title>${escapeText(title)}</title>`,
    `<rect width="${WIDTH}" height="${y}" fill="#ffffff"/>`,
    '<g font-family="sans-serif" font-size="12" fill="#1f2937">',
    ...marks,
    '</g>',
    '</svg>',
    '',
  ].join('\n');
}

/** Formats with three digits. */
function formatValue(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

function rectangle(x: number, y: number, width: number, series: number): string {
  const fill = COLOURS[series % COLOURS.length];
  return `<rect x="${x}" y="${y}" width="${width.toFixed(1)}" height="${BAR_HEIGHT - 3}" fill="${fill}"/>`;
}

function text(x: number, y: number, content: string, weight = 'normal'): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" font-weight="${weight}">${escapeText(content)}</text>`;
}

function escapeText(content: string): string {
  return content.replace(/[&<>]/g, character => `&#${character.charCodeAt(0)};`);
}
