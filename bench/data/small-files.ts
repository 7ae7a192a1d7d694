import { mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { SeededRandom } from '../../test/support/random.ts';
import type { Corpus, SourcePackage } from './corpus.ts';

interface SmallFilesPlan {
  readonly files: number;
  /** The sum of all files. */
  readonly bytes: number;
  readonly seed: number;
}

/**
 * The size of a piece of running text, and the factor of text per package. Measured: these values give the ratio of a real
 * node_modules, about 5.5 (file bytes to `zstd -3`). Longer pieces and less text compress better.
 */
const pieceBytes = 2048;
const textSurplus = 1.5;

/** The time that npm gives every file. */
const npmTime = new Date('1985-10-26T08:15:00Z');

/** A file of a generated tree, in the order of writing. `size` in bytes. */
interface PlannedFile {
  readonly name: string;
  readonly kind: string;
  readonly size: number;
}

/**
 * Plans a tree like a large node_modules: names, directories and sizes of real packages, repeated up to the count. One
 * factor scales all sizes to the sum.
 */
export function planSmallFiles(corpus: Corpus, plan: SmallFilesPlan): PlannedFile[][] {
  const random = new SeededRandom(plan.seed);
  const packages: { readonly name: string; readonly source: SourcePackage }[] = [];
  let count = 0;
  for (let copy = 0; count < plan.files; copy++) {
    for (const source of random.shuffled(corpus.packages)) {
      if (count >= plan.files) break;
      packages.push({ name: copy === 0 ? source.name : `${source.name}-${copy}`, source });
      count += source.files.length;
    }
  }
  const all = packages.map(({ name, source }) =>
    source.files.map(file => ({ ...file, name: path.posix.join(name, file.name) })),
  );
  const last = all.pop()!;
  all.push(last.slice(0, last.length - (count - plan.files)));
  const sum = all.flat().reduce((total, { size }) => total + size, 0);
  const factor = plan.bytes / sum;
  return all.map(files =>
    files.map(file => ({ ...file, size: Math.max(1, Math.round(file.size * factor)) })),
  );
}

/** Writes the tree below `root`. The same corpus and plan give the same bytes. */
export function writeSmallFiles(root: string, corpus: Corpus, plan: SmallFilesPlan): void {
  const random = new SeededRandom(plan.seed + 1);
  const made = new Set<string>();
  const ensure = (directory: string) => {
    if (made.has(directory)) return;
    mkdirSync(directory, { recursive: true });
    made.add(directory);
  };
  for (const files of planSmallFiles(corpus, plan)) {
    const text = packageText(corpus, files, random);
    for (const { name, kind, size } of files) {
      const file = path.join(root, name);
      ensure(path.dirname(file));
      writeFileSync(file, pieces(text.get(kind)!, size, random));
      utimesSync(file, npmTime, npmTime);
    }
    linkBinary(root, files[0], ensure);
  }
}

/** Returns text for a package. Each kind comes from one region, as a package is written in one style. */
function packageText(
  corpus: Corpus,
  files: readonly PlannedFile[],
  random: SeededRandom,
): Map<string, Buffer> {
  const needed = Map.groupBy(files, file => file.kind);
  return new Map(
    [...needed].map(([kind, list]) => {
      const all = corpus.text.get(kind)!;
      const wanted = Math.ceil(list.reduce((total, { size }) => total + size, 0) * textSurplus);
      const length = Math.min(all.length, Math.max(pieceBytes, wanted));
      const start = random.below(all.length - length + 1);
      return [kind, all.subarray(start, start + length)];
    }),
  );
}

function pieces(text: Buffer, size: number, random: SeededRandom): Buffer {
  const result = Buffer.allocUnsafe(size);
  for (let filled = 0; filled < size; ) {
    const length = Math.min(pieceBytes, size - filled, text.length);
    const start = random.below(text.length - length + 1);
    filled += text.copy(result, filled, start, start + length);
  }
  return result;
}

/** Links a package's program in .bin, as npm does. */
function linkBinary(root: string, first: PlannedFile | undefined, ensure: (directory: string) => void): void {
  if (first === undefined) return;
  ensure(path.join(root, '.bin'));
  const name = first.name
    .split('/')
    .slice(0, first.name.startsWith('@') ? 2 : 1)
    .join('-');
  symlinkSync(path.join('..', first.name), path.join(root, '.bin', name));
}
