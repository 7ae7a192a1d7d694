/** An evaluated matrix: axes, `include` and `exclude`. */
export type Matrix = Readonly<Record<string, unknown>>;
type Combination = Record<string, unknown>;

/**
 * Returns the legs of a matrix in GitHub's order (docs.github.com, "Running variations of jobs in a workflow"): the product
 * of the axes without the entries of `exclude`. Each `include` extends the legs whose axis values it does not change, or
 * adds a leg.
 */
export function expandMatrix(matrix: Matrix | undefined): Combination[] {
  if (matrix === undefined) return [{}];
  const axes = Object.entries(matrix).filter(([name]) => name !== 'include' && name !== 'exclude');
  const excluded = listOf(matrix.exclude);
  const originals = product(axes).filter(leg => !excluded.some(entry => agrees(leg, entry)));
  const legs = originals.map(leg => ({ ...leg }));
  for (const entry of listOf(matrix.include)) {
    const extended = legs.filter((_, index) => axes.length > 0 && fits(originals[index], entry));
    for (const leg of extended) Object.assign(leg, entry);
    if (extended.length === 0) legs.push({ ...entry });
  }
  return legs;
}

/** Returns GitHub's name of a leg: the job and its values. */
export function legName(job: string, leg: Combination): string {
  const values = Object.values(leg).map(value =>
    typeof value === 'object' ? JSON.stringify(value) : String(value),
  );
  return values.length === 0 ? job : `${job} (${values.join(', ')})`;
}

function product(axes: readonly (readonly [string, unknown])[]): Combination[] {
  if (axes.length === 0) return [];
  let legs: Combination[] = [{}];
  for (const [name, values] of axes) {
    if (!Array.isArray(values)) throw new Error(`the matrix's '${name}' is not a list`);
    legs = legs.flatMap(leg => values.map(value => ({ ...leg, [name]: value })));
  }
  return legs;
}

/** Returns whether `entry` changes no axis value of this leg. A leg of `include` has no axis values. */
function fits(original: Combination | undefined, entry: Combination): boolean {
  if (original === undefined) return false;
  return Object.entries(entry).every(([name, value]) => !(name in original) || same(original[name], value));
}

function agrees(leg: Combination, entry: Combination): boolean {
  return Object.entries(entry).every(([name, value]) => same(leg[name], value));
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function listOf(value: unknown): Combination[] {
  return Array.isArray(value) ? (value as Combination[]) : [];
}
