/** Limit on a prefix, in UTF-16 units. */
const MAX_PREFIX = 80;

/** A hash or the number of a run: 8 or more hex digits with a decimal one among them, or 6 or more decimal digits. */
const CHANGING = /(?<![0-9A-Za-z])(?:(?=[a-f]*[0-9])[0-9a-f]{8,}|[0-9]{6,})(?![0-9A-Za-z])/i;

/**
 * Returns the part of a key that its generations share: the text before the first hash or long number, `linux-npm-` of
 * `linux-npm-3b1f0c…`. Of a key without one it is the whole key. At most 80 UTF-16 units.
 */
export function generationPrefix(key: string): string {
  const at = CHANGING.exec(key)?.index ?? key.length;
  return key.slice(0, Math.min(at, MAX_PREFIX));
}
