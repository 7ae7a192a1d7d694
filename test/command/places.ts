import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { onTestFinished } from 'vitest';
import { createDirectoryStore } from '../../src/storage/directory/directory-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { openStore } from '../storage/s3/support.ts';
import { scratch } from '../support/scratch.ts';
import { type MemoryServer, startMemoryServer } from '../support/servers/memory-server.ts';
import { silentLog } from '../support/silent-log.ts';

/** A store of the current test, and the arguments and variables by which the command finds it. */
export interface Place {
  readonly store: ObjectStore;
  readonly args: readonly string[];
  readonly variables: Readonly<Record<string, string>>;
}

export const keys = { CACHE_S3_ACCESS_KEY: 'access', CACHE_S3_SECRET_KEY: 'secret' };

async function directoryPlace(): Promise<Place> {
  const root = scratch();
  const store = createDirectoryStore(path.join(root, 'ci'), { log: silentLog });
  return { store, args: ['--endpoint', pathToFileURL(root).href, '--bucket', 'ci'], variables: {} };
}

/** Starts a server for the current test. */
export async function bucketPlace(): Promise<Place & { readonly server: MemoryServer }> {
  const server = await startMemoryServer();
  const store = openStore({ endpoint: new URL(server.endpoint) });
  onTestFinished(async () => {
    store.close();
    await server.close();
  });
  const variables = { ...keys, CACHE_S3_ENDPOINT: server.endpoint, CACHE_S3_BUCKET: 'bucket' };
  return { store, args: [], variables, server };
}

/** The kinds of stores, for `describe.each`. */
export const places = [
  ['a directory', directoryPlace],
  ['a bucket', bucketPlace],
] as const satisfies readonly (readonly [string, () => Promise<Place>])[];
