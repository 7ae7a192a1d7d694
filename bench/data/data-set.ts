import { createHash } from 'node:crypto';
import * as fs from 'node:fs/promises';
import path from 'node:path';

/** A tree that was generated once and is copied to wherever it is measured. Never changed after that. */
export interface DataSet {
  readonly directory: string;
  readonly files: number;
  /** Of all regular files together. */
  readonly bytes: number;
  /** Of names and sizes: the same digest, the same tree. 12 hex digits. */
  readonly digest: string;
}

/**
 * The tree made by `write`, from the cache directory where it is there already. `name` has to name everything that the
 * tree depends on.
 */
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

/** Counts a tree's files. Symbolic links and directories do not count. */
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
