/** Random changes of a tree between two saves. A seed determines all of them. */

import * as fs from 'node:fs';
import path from 'node:path';
import { isRoot } from '../../support/drop-privileges.ts';
import { setMtime } from '../../support/tree.ts';
import {
  DIRECTORY_MODES,
  FILE_MODES,
  type Found,
  GrowingTree,
  NPM_TIME,
  type Random,
} from './random-tree.ts';

/** Changes the tree below `root`. Returns a description of each change. */
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

/** A change of a tree. Returns the name that it changed. Returns undefined if the tree has nothing that it could change. */
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
    setMtime(found.path, tree.random.once(2) ? NPM_TIME : 1e15 + tree.random.below(2 ** 32));
    return found.path;
  },
  function touchEveryFile(tree) {
    for (const { path: at } of tree.list('file')) setMtime(at, 1e15 + tree.random.below(2 ** 32));
    return tree.root;
  },
  function rewriteWithTheSameContent(tree) {
    const file = tree.any('file');
    if (!file) return undefined;
    overwrite(file, fd => {
      const content = Buffer.alloc(Number(file.stats.size));
      fs.readSync(fd, content, 0, content.length, 0);
      writeAll(fd, content, 0);
    });
    return file.path;
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
