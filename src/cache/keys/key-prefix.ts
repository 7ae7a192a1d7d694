/** Bound of a prefix, in characters. */
const MAX_PREFIX = 80;

/** A hash or a number of a run: 8 or more hex digits of which one is 0 to 9, or 6 or more decimal digits. */
const CHANGING = /(?<![0-9A-Za-z])(?:(?=[a-f]*[0-9])[0-9a-f]{8,}|[0-9]{6,})(?![0-9A-Za-z])/i;

/**
 * Returns the part of a key that its generations share: all before the first hash or long number, `linux-npm-` of
 * `linux-npm-3b1f0c…`. A key without one is returned as it is. At most 80 characters.
 */
export function generationPrefix(key: string): string {
  const at = CHANGING.exec(key)?.index ?? key.length;
  return key.slice(0, Math.min(at, MAX_PREFIX));
}
