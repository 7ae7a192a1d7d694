/** Joins names or paths, which hold no NUL, for a message: cloning one string costs less than cloning a list. */
export function joinStrings(strings: readonly string[]): string {
  return strings.join('\0');
}

/** Splits a joined list of `count` strings. */
export function splitStrings(joined: string, count: number): string[] {
  return count === 0 ? [] : joined.split('\0');
}
