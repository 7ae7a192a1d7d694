import { lstatSync, mkdirSync, readdirSync, rmdirSync } from 'node:fs';
import { attributesOf, type DirectoryAttributes, setAttributes } from '../../fs/attributes.ts';
import { isRealDirectory } from '../../fs/file-status.ts';
import { ignoreErrors } from '../../fs/ignore-errors.ts';
import { decodeName, fsPath } from '../../fs/paths/names.ts';
import { isInUse, rename } from '../../fs/rename.ts';
import { grantWrite, makeWritable } from '../../fs/writable.ts';

/**
 * Moves a directory in `parent` to a free name on the same file system, and keeps its attributes. The system itself refuses
 * anything that is not a directory. If it throws, all is as before, unless something exists at `to`: then the move could not be
 * undone.
 */
export function moveDirectory(parent: string, from: string, to: string): void {
  const attributes = attributesOf(from);
  if (isRealDirectory(from)) grantWrite(from);
  try {
    // With the slash, only a directory is renamed
    rename(parent, `${from}/`, to);
    ignoreErrors(() => setAttributes(to, attributes));
  } catch (error) {
    try {
      // overlayfs does not rename a directory of an image's layer, nor NTFS one with an open file. Both rename its content
      if ((error as NodeJS.ErrnoException).code !== 'EXDEV' && !isInUse(error)) throw error;
      movePieces(parent, from, to, attributes);
    } catch (failure) {
      ignoreErrors(() => isRealDirectory(from) && setAttributes(from, attributes));
      throw failure;
    }
  }
}

/** Moves the items of a directory, which its owner can write, to a new one at `to`. Tries to undo that if one cannot be moved. */
function movePieces(parent: string, from: string, to: string, attributes: DirectoryAttributes): void {
  const { uid, gid } = lstatSync(fsPath(from));
  makeWritable(to.slice(0, to.lastIndexOf('/')), () => mkdirSync(fsPath(to), 0o700));
  const moved: string[] = [];
  try {
    for (const found of readdirSync(fsPath(from), { withFileTypes: true, encoding: 'buffer' })) {
      const name = decodeName(found.name);
      if (found.isDirectory()) moveDirectory(from, `${from}/${name}`, `${to}/${name}`);
      else rename(from, `${from}/${name}`, `${to}/${name}`);
      moved.push(name);
    }
    setAttributes(to, { ...attributes, uid, gid });
    makeWritable(parent, () => rmdirSync(fsPath(from)));
  } catch (error) {
    ignoreErrors(() => {
      grantWrite(to);
      for (const name of moved.toReversed()) moveBack(`${to}/${name}`, from, `${from}/${name}`);
      rmdirSync(fsPath(to));
    });
    throw error;
  }
}

/** Moves an item back to its place in `parent` and keeps its attributes. Throws the system's error. */
export function moveBack(from: string, parent: string, to: string): void {
  if (!isRealDirectory(from)) {
    rename(parent, from, to);
    return;
  }
  const attributes = attributesOf(from);
  grantWrite(from);
  rename(parent, from, to);
  setAttributes(to, attributes);
}
