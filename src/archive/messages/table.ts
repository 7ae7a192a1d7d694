/** Rows of numbers and texts in a message: two values are cloned in less time than an object for each row. */
export interface Table {
  readonly rows: number;
  readonly numbers: Float64Array<ArrayBuffer>;
  /** Joined with NUL, which no text contains. */
  readonly texts: string;
}

/** Columns of attributes. */
export type AttributeNumbers = [mode: number, mtimeUs: number, mtimeRestNs: number, uid: number, gid: number];

/** Writes a table of `rows` rows. All have the same columns, with at least one text. */
export class TableWriter<Numbers extends readonly number[], Texts extends readonly string[]> {
  readonly #rows: number;
  #numbers: Float64Array<ArrayBuffer> | undefined;
  readonly #texts: string[] = [];
  #next = 0;

  constructor(rows: number) {
    this.#rows = rows;
  }

  add(numbers: Numbers, texts: Texts): void {
    this.#numbers ??= new Float64Array(this.#rows * numbers.length);
    // Loops, because `set` and the spread of the texts take three times as long
    for (let index = 0; index < numbers.length; index++) this.#numbers[this.#next++] = numbers[index]!;
    for (let index = 0; index < texts.length; index++) this.#texts.push(texts[index]!);
  }

  finish(): Table {
    const numbers = this.#numbers ?? new Float64Array();
    return { rows: this.#rows, numbers, texts: this.#texts.join('\0') };
  }
}

/** Yields the rows of a table that was written with the same columns. */
export function* readTable<Numbers extends readonly number[], Texts extends readonly string[]>({
  rows,
  numbers,
  texts,
}: Table): Generator<[Numbers, Texts]> {
  const all = texts.split('\0');
  const [width, textWidth] = [numbers.length / rows, all.length / rows];
  for (let row = 0; row < rows; row++) {
    // A list, because to take the numbers from a view takes longer
    const own = new Array<number>(width);
    for (let column = 0; column < width; column++) own[column] = numbers[row * width + column]!;
    const ownTexts: readonly string[] = all.slice(row * textWidth, (row + 1) * textWidth);
    yield [own as readonly number[] as Numbers, ownTexts as Texts];
  }
}
