/** Random trees of every kind of entry. All of it follows from a seed. */

import * as fs from 'node:fs';
import path from 'node:path';
import { isRoot } from '../../support/drop-privileges.ts';
import { incompressible, SeededRandom } from '../../support/random.ts';
import { setMtime } from '../../support/tree.ts';

export class Random extends SeededRandom {
  #contents = 0;
  readonly #seed: number;

  constructor(seed: number) {
    super(seed);
    this.#seed = seed;
  }

  /** Bytes that do not compress, or hardly any at all. */
  content(length: number, compressible = this.once(2)): Buffer {
    const seed = `${this.#seed} ${this.#contents++}`;
    return compressible ? Buffer.alloc(length, incompressible(37, seed)) : incompressible(length, seed);
  }
}

/** Incompressible, together more than an archive needs to be grown at all; one of them is less than a quarter. */
const BALLAST = { files: 9, bytes: 700_000 };
/** Over 8 MiB a file is stored in slices. These compress to next to nothing. */
const SLICED_BYTES = 9_000_000;

/** npm gives every file the same time. Microseconds. */
export const NPM_TIME = 499_162_500_000_000;
export const FILE_MODES = [0o644, 0o644, 0o755, 0o600, 0o444, 0o640];
export const DIRECTORY_MODES = [0o755, 0o755, 0o700, 0o555, 0o2755];

/** Makes a tree below `root`, which is not there yet. */
export function plantTree(root: string, random: Random): void {
  fs.mkdirSync(root);
  const tree = new GrowingTree(root, random);
  for (let index = 0; index < BALLAST.files; index++)
    tree.write(`${root}/ballast-${index}`, random.content(BALLAST.bytes, false));
  if (random.once(3)) tree.write(`${root}/sliced`, random.content(SLICED_BYTES, true));
  for (let count = 20 + random.below(60); count > 0; count--) tree.addSomething();
  tree.calm();
}

export interface Found {
  readonly path: string;
  readonly kind: 'file' | 'directory' | 'link';
  readonly stats: fs.BigIntStats;
}

/** A tree that is being changed, with what all changes need. */
export class GrowingTree {
  readonly root: string;
  readonly random: Random;

  constructor(root: string, random: Random) {
    this.root = root;
    this.random = random;
  }

  /** Everything in the tree but its root. */
  list(kind?: Found['kind'], below = this.root): Found[] {
    const found = fs.readdirSync(below).flatMap((name): Found[] => {
      const at = `${below}/${name}`;
      const stats = fs.lstatSync(at, { bigint: true });
      const own = { path: at, kind: kindOf(stats), stats };
      return own.kind === 'directory' ? [own, ...this.list(undefined, at)] : [own];
    });
    return kind === undefined ? found : found.filter(entry => entry.kind === kind);
  }

  any(kind?: Found['kind']): Found | undefined {
    return this.random.pick(this.list(kind));
  }

  anyDirectory(): string {
    return this.random.pick([this.root, ...this.list('directory').map(found => found.path)]);
  }

  /** A name that nothing has, in a directory that exists; many sort before everything else, some after. */
  freeName(directory = this.anyDirectory()): string {
    const { random } = this;
    const letters = ['0', 'a', 'b', 'n', '~', ' ', 'ü', '日', '%', '-', '"', '\n', 'z'.repeat(90)];
    for (;;) {
      const length = 1 + random.below(3);
      const name = Array.from({ length }, () => random.pick(letters)).join('');
      const at = `${directory}/${name.slice(0, 120)}`;
      if (fs.lstatSync(at, { throwIfNoEntry: false }) === undefined) return at;
    }
  }

  /** A file with random attributes. */
  write(at: string, content: Uint8Array): void {
    this.inside(at, () => fs.writeFileSync(at, content));
    this.dress(at, FILE_MODES);
  }

  smallContent(): Buffer {
    const { random } = this;
    return random.content(random.pick([0, 1, 511, 512, 513, random.below(20_000)]));
  }

  /** Does `change` in the directory of `at`, which may be read-only. */
  inside<T>(at: string, change: () => T): T {
    const parent = path.dirname(at);
    const { mode } = fs.statSync(parent);
    if ((mode & 0o200) !== 0) return change();
    fs.chmodSync(parent, 0o700);
    try {
      return change();
    } finally {
      fs.chmodSync(parent, mode & 0o7777);
    }
  }

  /** Random mode and time, and owner where that can be given. */
  dress(at: string, modes: readonly number[]): void {
    const { random } = this;
    if (isRoot && random.once(5)) fs.lchownSync(at, random.below(3), random.below(3));
    if (modes.length > 0) fs.chmodSync(at, random.pick(modes));
    if (!random.once(3)) setMtime(at, random.once(2) ? NPM_TIME : 1e15 + random.below(2 ** 32));
  }

  /** Puts back the time that something had. */
  keepTime({ path: at, stats }: Found): void {
    setMtime(at, Number(stats.mtimeNs / 1000n));
  }

  remove({ path: at }: Pick<Found, 'path'>): void {
    if (fs.lstatSync(at).isDirectory()) {
      fs.chmodSync(at, 0o700);
      for (const { path: below } of this.list('directory', at)) fs.chmodSync(below, 0o700);
    }
    this.inside(at, () => fs.rmSync(at, { recursive: true }));
  }

  rename(from: string, to: string): void {
    // A directory that moves to another parent has to be writable itself
    const stats = fs.lstatSync(from);
    if (stats.isDirectory()) fs.chmodSync(from, stats.mode | 0o700);
    this.inside(from, () => this.inside(to, () => fs.renameSync(from, to)));
    if (stats.isDirectory()) fs.chmodSync(to, stats.mode & 0o7777);
  }

  addSomething(): string {
    const { random } = this;
    const at = this.freeName();
    const kind = random.below(10);
    if (kind < 5) this.write(at, this.smallContent());
    else if (kind < 8) this.makeDirectory(at);
    else if (kind < 9) this.link(at, random.pick(['a', '../b', '/nowhere', 'x'.repeat(120), './ü']));
    else this.hardLink(at);
    return at;
  }

  makeDirectory(at: string): void {
    this.inside(at, () => fs.mkdirSync(at));
    for (let count = this.random.below(4); count > 0; count--)
      this.write(this.freeName(at), this.smallContent());
    this.dress(at, DIRECTORY_MODES);
  }

  link(at: string, target: string): void {
    this.inside(at, () => fs.symlinkSync(target, at));
    this.dress(at, []);
  }

  hardLink(at: string): void {
    // Only Linux makes another name of a symlink
    const isSymlink = process.platform === 'linux' && this.random.once(3);
    const linked = this.any(isSymlink ? 'link' : 'file');
    if (linked) this.inside(at, () => fs.linkSync(linked.path, at));
  }

  /** Modes of directories that were written to again go back to what they may be, and times too. */
  calm(): void {
    for (const { path: at } of this.list('directory')) if (this.random.once(2)) setMtime(at, NPM_TIME);
  }
}

function kindOf(stats: fs.BigIntStats): Found['kind'] {
  return stats.isDirectory() ? 'directory' : stats.isSymbolicLink() ? 'link' : 'file';
}
