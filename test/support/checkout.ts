import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { deleteTree } from './tree.ts';

const repository = fileURLToPath(new URL('../../', import.meta.url));

/** A directory to test in place of the committed dist/. */
const otherDist = process.env.CACHE_S3_TEST_DIST;

/** The files of the action that a runner downloads and uses. */
export interface Checkout {
  readonly directory: string;
  /** A temporary directory around it, for further files of the caller. All users may read both. */
  readonly root: string;
  remove(): Promise<void>;
}

/**
 * Copies the bundle and the three action.yml files to a temporary directory whose name begins with `prefix`. Throws if a
 * directory above it has a node_modules, in which Node would find what the bundle lacks.
 */
export async function copyCheckout(prefix: string): Promise<Checkout> {
  const root = await mkdtemp(path.join(tmpdir(), prefix));
  for (let above = root; above !== path.dirname(above); above = path.dirname(above)) {
    const found = path.join(above, 'node_modules');
    if (existsSync(found)) throw new Error(`${found} would hide what is missing in dist/`);
  }
  await chmod(root, 0o755);
  const directory = path.join(root, 'cache-s3');
  await mkdir(directory);
  for (const name of ['action.yml', 'restore', 'save', 'prune'])
    await cp(repositoryFile(name), path.join(directory, name), { recursive: true });
  await cp(otherDist ?? repositoryFile('dist'), path.join(directory, 'dist'), { recursive: true });
  return { directory, root, remove: () => deleteTree(root) };
}

/** Returns the path of a file of this repository. */
export function repositoryFile(name: string): string {
  return path.join(repository, name);
}
