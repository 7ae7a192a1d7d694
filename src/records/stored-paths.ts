/**
 * Returns whether a path of one list equals, contains or is inside a path of the other. Both are `path` lines as the
 * layout maps them; a line with wildcards counts as the directory before them, and a line with `!` not at all.
 */
export function overlap(some: readonly string[], others: readonly string[]): boolean {
  const bases = others.filter(isIncluded).map(baseOf);
  return some
    .filter(isIncluded)
    .map(baseOf)
    .some(base => bases.some(other => isWithin(base, other) || isWithin(other, base)));
}

function isIncluded(line: string): boolean {
  return !line.startsWith('!');
}

function baseOf(line: string): string {
  const wildcard = line.search(/[*?[]/);
  const literal = wildcard < 0 ? line : line.slice(0, line.lastIndexOf('/', wildcard) + 1);
  return literal.replace(/\/+$/, '');
}

/** The root of the file system is '': every path is in it. */
function isWithin(inner: string, outer: string): boolean {
  return outer === '' || inner === outer || inner.startsWith(`${outer}/`);
}
