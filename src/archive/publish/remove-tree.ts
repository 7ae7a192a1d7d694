import { chmodSync, lstatSync, readdirSync, rmSync } from 'node:fs';
import { decodeName, fsPath } from '../fs/names.ts';

/** Removes a tree of our own, read-only directories included. A tree that is not there is fine. */
export function removeTree(path: string): void {
  const options = { recursive: true, force: true, maxRetries: 3 } as const;
  try {
    rmSync(fsPath(path), options);
  } catch {
    makeRemovable(path);
    rmSync(fsPath(path), options);
  }
}

/** What is in a directory that may not be written cannot be removed, except by root. */
function makeRemovable(directory: string): void {
  const stats = lstatSync(fsPath(directory), { throwIfNoEntry: false });
  if (!stats?.isDirectory()) return;
  chmodSync(fsPath(directory), 0o700);
  for (const name of readdirSync(fsPath(directory), 'buffer'))
    makeRemovable(`${directory}/${decodeName(name)}`);
}
