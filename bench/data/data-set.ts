import { createHash } from 'node:crypto';
import * as fs from 'node:fs/promises';
import path from 'node:path';

/** A tree that is generated once, never changed, and copied to the place of a measurement. */
export interface DataSet {
  readonly directory: string;
  readonly files: number;
  /** The sum of all regular files. */
  readonly bytes: number;
  /** A digest of names and sizes, 12 hex digits. */
  readonly digest: string;
}

/** Returns the tree of `write`, from the cache directory if it exists there. `name` must depend on all that the tree does. */
export async function dataSet(
  cacheDirectory: string,
  name: string,
  write: (root: string) => Promise<void> | void,
): Promise<DataSet> {
  const directory = path.join(cacheDirectory, name);
  const present = await fs.stat(directory).catch(() => undefined);
  if (!present) {
    const unfinished = `${directory}.${process.pid}`;
    await fs.rm(unfinished, { recursive: true, force: true });
    await fs.mkdir(unfinished, { recursive: true });
    await write(unfinished);
    await fs.rename(unfinished, directory);
  }
  return { directory, ...(await describe(directory)) };
}

/** Counts the regular files of a tree. */
export async function describe(directory: string): Promise<Omit<DataSet, 'directory'>> {
  const entries = await fs.readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter(entry => entry.isFile()).map(entry => path.join(entry.parentPath, entry.name));
  files.sort();
  const hash = createHash('sha256');
  let bytes = 0;
  for (const file of files) {
    const { size } = await fs.lstat(file);
    bytes += size;
    hash.update(`${path.relative(directory, file)}\0${size}\n`);
  }
  return { files: files.length, bytes, digest: hash.digest('hex').slice(0, 12) };
}
