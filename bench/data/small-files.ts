import { mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { SeededRandom } from '../../test/support/random.ts';
import type { Corpus, SourcePackage } from './corpus.ts';

export interface SmallFilesPlan {
  readonly files: number;
  /** Of all files together. */
  readonly bytes: number;
  readonly seed: number;
}

/**
 * Bytes of running text that are taken from one place, and how much more text a package draws on than it needs. Tried:
 * these two give the model's ratio of about 5.5 (file bytes to `zstd -3`); longer pieces and less text compress better.
 */
const pieceBytes = 2048;
const textSurplus = 1.5;

/** What npm gives to every file that it unpacks. */
const npmTime = new Date('1985-10-26T08:15:00Z');

/** Names of a generated tree in the order of their writing, with their sizes in bytes. */
export interface PlannedFile {
  readonly name: string;
  readonly kind: string;
  readonly size: number;
}

/**
 * A tree like a large node_modules: real packages' names, directories and sizes, repeated until the count is reached;
 * all sizes by the same factor, so that the sum is right.
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

/** A package is written in one style: each kind of text in it comes from one region. */
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

/** npm links the packages' programs into .bin. */
function linkBinary(root: string, first: PlannedFile | undefined, ensure: (directory: string) => void): void {
  if (first === undefined) return;
  ensure(path.join(root, '.bin'));
  const name = first.name
    .split('/')
    .slice(0, first.name.startsWith('@') ? 2 : 1)
    .join('-');
  symlinkSync(path.join('..', first.name), path.join(root, '.bin', name));
}
