/** Random trees of every kind of entry, and what may happen to one between two saves. All of it follows from a seed. */

import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import path from 'node:path';
import { SeededRandom } from '../../../bench/data/random.ts';

export class Random extends SeededRandom {
  #bytes = 0;
  readonly #seed: number;

  constructor(seed: number) {
    super(seed);
    this.#seed = seed;
  }

  /** True once in `times`. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }

  pick<T>(elements: readonly T[]): T {
    return elements[this.below(elements.length)]!;
  }

  /** Bytes that do not compress, or hardly any at all. */
  content(length: number, compressible = this.once(2)): Buffer {
    const shake = (outputLength: number) =>
      createHash('shake256', { outputLength })
        .update(`${this.#seed} ${this.#bytes++}`)
        .digest();
    return compressible ? Buffer.alloc(length, shake(37)) : shake(length);
  }
}

/** Incompressible, together more than an archive needs to be grown at all; one of them is less than a quarter. */
const BALLAST = { files: 9, bytes: 700_000 };
/** Over 8 MiB a file is stored in slices. These compress to next to nothing. */
const SLICED_BYTES = 9_000_000;

/** npm gives every file the same time. Microseconds. */
const NPM_TIME = 499_162_500_000_000;
const FILE_MODES = [0o644, 0o644, 0o755, 0o600, 0o444, 0o640];
const DIRECTORY_MODES = [0o755, 0o755, 0o700, 0o555, 0o2755];
const isRoot = process.getuid?.() === 0;

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

/** Changes the tree below `root` in some ways, and says how. */
export function changeTree(root: string, random: Random): string[] {
  const tree = new GrowingTree(root, random);
  const done: string[] = [];
  const count = random.once(12) ? 0 : 1 + random.below(random.once(4) ? 40 : 8);
  for (let edit = 0; edit < count; edit++) {
    const change = random.pick(CHANGES);
    const what = change(tree);
    if (what !== undefined) done.push(`${change.name} ${what}`);
  }
  return done;
}

interface Found {
  readonly path: string;
  readonly kind: 'file' | 'directory' | 'link';
  readonly stats: fs.BigIntStats;
}

/** A tree that is being changed, with what all changes need. */
class GrowingTree {
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
    if (!random.once(3)) this.setTime(at, random.once(2) ? NPM_TIME : 1e15 + random.below(2 ** 32));
  }

  setTime(at: string, mtimeUs: number): void {
    // The middle of the microsecond reads back as that microsecond
    const seconds = mtimeUs % 1e6 === 0 ? mtimeUs / 1e6 : (mtimeUs + 0.5) / 1e6;
    fs.lutimesSync(at, seconds, seconds);
  }

  /** Puts back the time that something had. */
  keepTime({ path: at, stats }: Found): void {
    this.setTime(at, Number(stats.mtimeNs / 1000n));
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
    const file = this.any('file');
    if (file) this.inside(at, () => fs.linkSync(file.path, at));
  }

  /** Modes of directories that were written to again go back to what they may be, and times too. */
  calm(): void {
    for (const { path: at } of this.list('directory')) if (this.random.once(2)) this.setTime(at, NPM_TIME);
  }
}

function kindOf(stats: fs.BigIntStats): Found['kind'] {
  return stats.isDirectory() ? 'directory' : stats.isSymbolicLink() ? 'link' : 'file';
}

/** Opens a file that may be read-only for everybody. */
function overwrite({ path: at, stats }: Found, change: (fd: number) => void): void {
  fs.chmodSync(at, 0o600);
  const fd = fs.openSync(at, 'r+');
  try {
    change(fd);
  } finally {
    fs.closeSync(fd);
    fs.chmodSync(at, Number(stats.mode) & 0o7777);
  }
}

function writeAll(fd: number, content: Uint8Array, position: number): void {
  fs.writeSync(fd, content, 0, content.length, position);
}

/** What may happen to a tree. Each returns what it did it to; undefined: there was nothing to do it to. */
type Change = (tree: GrowingTree) => string | undefined;

const CHANGES: readonly Change[] = [
  function rewrite(tree) {
    const file = tree.any('file');
    if (!file) return undefined;
    const content = tree.smallContent();
    overwrite(file, fd => {
      fs.ftruncateSync(fd, 0);
      writeAll(fd, content, 0);
    });
    return file.path;
  },
  function rewriteWithSizeAndTimeAsTheyWere(tree) {
    const file = tree.any('file');
    if (!file) return undefined;
    const content = tree.random.content(Math.min(Number(file.stats.size), 100_000), false);
    overwrite(file, fd => writeAll(fd, content, 0));
    tree.keepTime(file);
    return file.path;
  },
  function flipOneByteWithTimeAsItWas(tree) {
    const file = tree.random.pick(tree.list('file').filter(({ stats }) => stats.size > 0n));
    if (!file) return undefined;
    const at = tree.random.below(Number(file.stats.size));
    overwrite(file, fd => {
      const byte = Buffer.alloc(1);
      fs.readSync(fd, byte, 0, 1, at);
      byte[0]! ^= 0x5a;
      writeAll(fd, byte, at);
    });
    tree.keepTime(file);
    return file.path;
  },
  function grow(tree) {
    const file = tree.any('file');
    if (!file) return undefined;
    const content = tree.random.content(1 + tree.random.below(5000));
    overwrite(file, fd => writeAll(fd, content, Number(file.stats.size)));
    return file.path;
  },
  function cut(tree) {
    const file = tree.any('file');
    if (!file) return undefined;
    const size = tree.random.once(2) ? 0 : tree.random.below(Number(file.stats.size) + 1);
    overwrite(file, fd => fs.ftruncateSync(fd, size));
    return file.path;
  },
  function replaceByRenameWithAllAsItWas(tree) {
    const file = tree.any('file');
    if (!file) return undefined;
    const fresh = tree.freeName(path.dirname(file.path));
    const content = tree.random.content(Math.min(Number(file.stats.size), 1_000_000), false);
    tree.inside(fresh, () => fs.writeFileSync(fresh, content));
    fs.chmodSync(fresh, Number(file.stats.mode) & 0o7777);
    tree.keepTime({ ...file, path: fresh });
    tree.rename(fresh, file.path);
    return file.path;
  },
  function swapTwo(tree) {
    const kind = tree.random.pick(['file', 'directory', 'link'] as const);
    const [one, other] = [tree.any(kind), tree.any(kind)];
    if (!one || !other || one.path === other.path) return undefined;
    if (isBelow(one.path, other.path) || isBelow(other.path, one.path)) return undefined;
    const aside = tree.freeName(tree.root);
    tree.rename(one.path, aside);
    tree.rename(other.path, one.path);
    tree.rename(aside, other.path);
    return `${one.path} and ${other.path}`;
  },
  function renameDirectoryOverAnotherWithEqualTimes(tree) {
    const [one, other] = [tree.any('directory'), tree.any('directory')];
    if (!one || !other || isBelow(other.path, one.path) || isBelow(one.path, other.path)) return undefined;
    const attributes = fs.lstatSync(other.path, { bigint: true });
    tree.remove(other);
    tree.rename(one.path, other.path);
    fs.chmodSync(other.path, Number(attributes.mode) & 0o7777);
    tree.keepTime({ ...other, stats: attributes });
    return `${one.path} over ${other.path}`;
  },
  function remove(tree) {
    const found = tree.any();
    if (!found || found.path.includes('/ballast-')) return undefined;
    tree.remove(found);
    return found.path;
  },
  function add(tree) {
    return tree.addSomething();
  },
  function addHardLink(tree) {
    const at = tree.freeName();
    tree.hardLink(at);
    return at;
  },
  function removeOneOfSeveralNames(tree) {
    const names = tree.list('file').filter(({ stats }) => stats.nlink > 1n);
    const name = tree.random.pick(names);
    if (name) tree.remove(name);
    return name?.path;
  },
  function putAnotherFileUnderOneOfSeveralNames(tree) {
    const name = tree.random.pick(tree.list('file').filter(({ stats }) => stats.nlink > 1n));
    if (!name) return undefined;
    tree.remove(name);
    tree.write(name.path, tree.smallContent());
    return name.path;
  },
  function turnIntoAnotherKind(tree) {
    const found = tree.any();
    if (!found || found.path.includes('/ballast-')) return undefined;
    tree.remove(found);
    const into = tree.random.pick(['file', 'directory', 'link', 'hard link']);
    if (into === 'file') tree.write(found.path, tree.smallContent());
    else if (into === 'directory') tree.makeDirectory(found.path);
    else if (into === 'link') tree.link(found.path, 'a');
    else tree.hardLink(found.path);
    return `${found.path} from ${found.kind} to ${into}`;
  },
  function retargetWithLengthAndTimeAsTheyWere(tree) {
    const link = tree.any('link');
    if (!link) return undefined;
    const target = fs.readlinkSync(link.path);
    tree.remove(link);
    tree.inside(link.path, () => fs.symlinkSync(target.replace(/.$/su, 'q'), link.path));
    if (isRoot) fs.lchownSync(link.path, Number(link.stats.uid), Number(link.stats.gid));
    tree.keepTime(link);
    return link.path;
  },
  function changeModeOnly(tree) {
    const found = tree.random.pick([...tree.list('file'), ...tree.list('directory')]);
    if (!found) return undefined;
    fs.chmodSync(found.path, tree.random.pick(found.kind === 'file' ? FILE_MODES : DIRECTORY_MODES));
    return found.path;
  },
  function changeOwnerOnly(tree) {
    const found = isRoot ? tree.any() : undefined;
    if (!found) return undefined;
    fs.lchownSync(found.path, tree.random.below(4), tree.random.below(4));
    // A change of owner takes the set-id bits away
    if (found.kind !== 'link') fs.chmodSync(found.path, Number(found.stats.mode) & 0o7777);
    return found.path;
  },
  function changeTimeOnly(tree) {
    const found = tree.any();
    if (!found) return undefined;
    tree.setTime(found.path, tree.random.once(2) ? NPM_TIME : 1e15 + tree.random.below(2 ** 32));
    return found.path;
  },
  function moveElsewhere(tree) {
    const found = tree.any();
    if (!found) return undefined;
    const directory = tree.anyDirectory();
    if (isBelow(directory, found.path)) return undefined;
    const to = tree.freeName(directory);
    tree.rename(found.path, to);
    return `${found.path} to ${to}`;
  },
  function copyElsewhere(tree) {
    const found = tree.random.once(2) ? tree.any('directory') : tree.any('file');
    if (!found || found.path.includes('/ballast-')) return undefined;
    const directory = tree.anyDirectory();
    if (isBelow(directory, found.path)) return undefined;
    const to = tree.freeName(directory);
    tree.inside(to, () => fs.cpSync(found.path, to, { recursive: true, verbatimSymlinks: true }));
    return `${found.path} to ${to}`;
  },
];

function isBelow(at: string, directory: string): boolean {
  return at === directory || at.startsWith(`${directory}/`);
}
