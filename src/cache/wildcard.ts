/** Returns whether a pattern has a wildcard. */
export function hasWildcard(pattern: string): boolean {
  return /[*?]/.test(pattern);
}

/**
 * Returns whether a text matches a pattern as a whole: `*` is any number of characters, `/` included, and `?` is one. Takes
 * time of at most the product of the lengths, as keys are foreign text.
 */
export function matchesWildcard(pattern: string, text: string): boolean {
  let at = 0;
  let textAt = 0;
  let star = -1;
  let retryAt = 0;
  while (textAt < text.length) {
    const wanted = pattern[at];
    if (wanted === '*') {
      star = at++;
      retryAt = textAt;
    } else if (wanted !== undefined && (wanted === '?' || wanted === text[textAt])) {
      at++;
      textAt++;
    } else if (star >= 0) {
      // The last star takes one character more
      at = star + 1;
      textAt = ++retryAt;
    } else {
      return false;
    }
  }
  while (pattern[at] === '*') at++;
  return at === pattern.length;
}
