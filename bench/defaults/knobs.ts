/** Constants that determine the engine's speed, with values to compare. */

/** A constant of the sources. Its default is its value there. */
export interface Knob {
  readonly name: string;
  /** Relative to the checkout. */
  readonly file: string;
  readonly constant: string;
  /** TypeScript expressions that differ from the default. */
  readonly others: readonly string[];
}

const MIB = '1024 * 1024';
const bytes = (...mebibytes: readonly number[]) => mebibytes.map(count => `${count} * ${MIB}`);

export const knobs: readonly Knob[] = [
  {
    name: 'frame',
    file: 'src/archive/format/container.ts',
    constant: 'FRAME_RAW_BYTES',
    others: bytes(2, 8),
  },
  {
    name: 'range',
    file: 'src/archive/restore/frame-runs.ts',
    constant: 'RANGE_BYTES',
    others: bytes(4, 16),
  },
  {
    name: 'reads',
    file: 'src/archive/restore/unpack.ts',
    constant: 'FETCHES_IN_FLIGHT',
    others: ['4', '8', '12'],
  },
  { name: 'part', file: 'src/storage/part-size.ts', constant: 'DEFAULT_PART_BYTES', others: bytes(16, 32) },
  {
    name: 'parts',
    file: 'src/storage/s3/write/multipart/parts-in-flight.ts',
    constant: 'PARTS_IN_FLIGHT',
    others: ['2', '4', '12'],
  },
];

/** Compression levels to compare with the action's default. */
export const levels: readonly number[] = [1, 2, 6];

/** Splits a source at `const NAME = ...;`: the text before the value, the value, the text after. Returns undefined if it is missing. */
export function splitAt(source: string, constant: string): readonly [string, string, string] | undefined {
  const found = new RegExp(`^(?:export )?const ${constant} = `, 'm').exec(source);
  if (!found) return undefined;
  const start = found.index + found[0].length;
  const end = source.indexOf(';', start);
  return [source.slice(0, start), source.slice(start, end), source.slice(end)];
}

/** Formats `4 * 1024 * 1024` as `4 MiB`. Returns any other expression unchanged. */
export function inWords(expression: string): string {
  return expression.endsWith(` * ${MIB}`) ? expression.replace(` * ${MIB}`, ' MiB') : expression;
}
