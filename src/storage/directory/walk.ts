import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { isAbsent } from './files.ts';

/** The files below `directory`, as their levels below `root`. A directory that is not there has none. */
export async function* walkFiles(root: string, directory: string): AsyncGenerator<string[]> {
  const above = directory === '.' ? [] : directory.split(path.sep);
  const open: string[][] = [above];
  for (let levels = open.pop(); levels; levels = open.pop()) {
    for (const entry of await entriesOf(path.join(root, ...levels))) {
      if (entry.isDirectory()) open.push([...levels, entry.name]);
      else if (entry.isFile()) yield [...levels, entry.name];
    }
  }
}

async function entriesOf(directory: string) {
  try {
    return await readdir(directory, { withFileTypes: true });
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}
