import { existsSync } from 'node:fs';
import { cp, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('../../', import.meta.url));

/** Another build to test than the committed one: a directory like dist/. */
const otherDist = process.env.CACHE_S3_TEST_DIST;

/**
 * Copies what a runner downloads and uses of this repository to a new directory `cache-s3` below `parent`: the bundle
 * and the three action.yml files, no sources and no node_modules. Resolves to it. Throws where there is a node_modules
 * above it, in which Node would find what the bundle lacks.
 */
export async function copyCheckout(parent: string): Promise<string> {
  const checkout = path.join(parent, 'cache-s3');
  for (let above = parent; above !== path.dirname(above); above = path.dirname(above)) {
    const found = path.join(above, 'node_modules');
    if (existsSync(found)) throw new Error(`${found} would hide what is missing in dist/`);
  }
  await mkdir(checkout);
  for (const name of ['action.yml', 'restore', 'save'])
    await cp(path.join(repository, name), path.join(checkout, name), { recursive: true });
  await cp(otherDist ?? path.join(repository, 'dist'), path.join(checkout, 'dist'), { recursive: true });
  return checkout;
}

/** A file of this repository, by its path below the root. */
export function repositoryFile(name: string): string {
  return path.join(repository, name);
}
