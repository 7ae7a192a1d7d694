/** A matrix as written, evaluated: axes, plus `include` and `exclude`. */
export type Matrix = Readonly<Record<string, unknown>>;
export type Combination = Record<string, unknown>;

/**
 * The legs of a matrix, in GitHub's order (docs.github.com, "Running variations of jobs in a workflow"): the product
 * of the axes without what `exclude` names; then each `include` extends the legs whose axis values it does not
 * change, or makes a leg of its own.
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

/** How GitHub names a leg: the job and its values. */
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

/** Whether `entry` changes none of the values that the axes gave this leg. A leg of `include` has none to keep. */
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
