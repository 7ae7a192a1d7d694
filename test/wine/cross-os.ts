/** Caches that Linux and Windows share, with `enableCrossOsArchive`. */

import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'vitest';
import { type BucketAccess, createBucket } from '../support/gateway/gateway.ts';
import { gateway } from '../support/gateway/shared-gateway.ts';
import { incompressible } from '../support/random.ts';
import { MiB } from '../support/sizes.ts';
import type { TreeDescription, TreeSpec } from '../support/tree.ts';
import { bucketInputs, directoryInputs, drive, type Store, type StoreInputs } from './stores.ts';

/** Returns the inputs of the one store of a kind that both systems use in a run. */
export async function sharedStore({ name }: Store): Promise<StoreInputs> {
  if (name === 'directory store') return directoryInputs('shared');
  const { accessKey, secretKey } = gateway();
  const access: BucketAccess = { bucket: 'shared', accessKey, secretKey };
  await createBucket(gateway(), access);
  return bucketInputs(access);
}

/** Inputs of a step that shares its cache with the other system. */
export function shared(key: string) {
  return { key, path: 'tree', enableCrossOsArchive: 'true' };
}

/** 2001, in microseconds that neither system can set. */
const mtime = 981_173_106_123_457;

/** Returns a tree with a program. `from` is part of the content. */
export function sharedTree(from: string): TreeSpec {
  return {
    'tree/bin/tool': { content: `program from ${from}`, mode: 0o755, mtime: mtime + 1 },
    'tree/bin/twin': { hardlink: 'tree/bin/tool' },
    'tree/sub/ümläut 日本': { content: `text from ${from}`, mtime: mtime + 2 },
    'tree/sub/empty': { content: '', mtime: mtime + 3 },
    'tree/sub/large': { content: incompressible(12 * MiB, from), mtime: mtime + 4 },
    'tree/sub/nothing': { directory: true, mtime: mtime + 5 },
    'tree/bin': { directory: true, mtime: mtime + 6 },
    'tree/sub': { directory: true, mtime: mtime + 7 },
  };
}

const fileOf = (name: string) => path.join(drive, `${name}.json`);

/** Keeps the description of a saved tree for the other system. */
export async function keepTree(name: string, tree: TreeDescription): Promise<void> {
  await writeFile(fileOf(name), JSON.stringify(tree));
}

/** Throws unless the tree has the content of the kept one, and times that are at most 2 us earlier, but not later. */
export async function expectKeptTree(name: string, tree: TreeDescription): Promise<void> {
  const kept = JSON.parse(await readFile(fileOf(name), 'utf8')) as TreeDescription;
  const content = (description: TreeDescription) =>
    Object.fromEntries(
      Object.entries(description).map(([at, { mode: _mode, mtime: _mtime, ...rest }]) => [at, rest]),
    );
  expect(content(tree)).toEqual(content(kept));
  for (const [at, { mtime: restored }] of Object.entries(tree)) {
    const earlier = kept[at]!.mtime - restored;
    expect(earlier, `${at} is later`).toBeGreaterThanOrEqual(0);
    expect(earlier, `${at} is too early`).toBeLessThanOrEqual(2);
  }
}
