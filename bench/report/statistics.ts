/** Returns the middle value, or the mean of the two in the middle. Throws for an empty list. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[Math.floor(sorted.length / 2)]];
  if (low === undefined || high === undefined)
    throw new RangeError('the median of an empty list is not defined');
  return (low + high) / 2;
}

interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function spread(values: readonly number[]): Spread {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

/** Returns the spread of the pairs' quotients. Values at the same index are a pair; both lists have the same length. */
export function ratio(values: readonly number[], references: readonly number[]): Spread {
  if (values.length !== references.length) throw new RangeError('pairs need lists of the same length');
  return spread(values.map((value, index) => value / references[index]!));
}

/** Formats as `0.71 (0.68 to 0.75)`. */
export function formatSpread({ median, min, max }: Spread, digits: number): string {
  return `${median.toFixed(digits)} (${min.toFixed(digits)} to ${max.toFixed(digits)})`;
}
