import { utimesSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { createDirectoryStore } from '../../src/storage/directory/directory-store.ts';
import { objectPath } from '../../src/storage/directory/file-names.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { serveStore } from '../storage/s3/serve-store.ts';
import { scratch } from '../support/scratch.ts';
import type { MemoryServer } from '../support/servers/memory-server.ts';
import { silentLog } from '../support/silent-log.ts';
import { runCommand } from './run-command.ts';

/** A store of the current test, and the command on it. */
export interface Place {
  readonly store: ObjectStore;
  /** Sets the time of modification of an object to so many days ago. */
  age(name: string, days: number): void;
  run(...args: readonly string[]): ReturnType<typeof runCommand>;
}

const DAY_MS = 24 * 60 * 60 * 1000;

export const keys = { CACHE_S3_ACCESS_KEY: 'access', CACHE_S3_SECRET_KEY: 'secret' };

/** Makes a directory for the current test. `args` are those with which the command finds it. */
export async function directoryPlace(): Promise<Place & { readonly args: readonly string[] }> {
  const root = scratch();
  const args = ['--endpoint', pathToFileURL(root).href, '--bucket', 'ci'];
  return {
    store: createDirectoryStore(path.join(root, 'ci'), { log: silentLog }),
    age(name, days) {
      const seconds = (Date.now() - days * DAY_MS) / 1000;
      utimesSync(path.join(root, 'ci', objectPath(name)), seconds, seconds);
    },
    run: (...given) => runCommand([...given, ...args]),
    args,
  };
}

/** Starts a server for the current test. */
export async function bucketPlace(): Promise<Place & { readonly server: MemoryServer }> {
  const { server, store } = await serveStore();
  const variables = { ...keys, CACHE_S3_ENDPOINT: server.endpoint, CACHE_S3_BUCKET: 'bucket' };
  return {
    store,
    age(name, days) {
      const object = server.content.objects.get(name)!;
      server.content.objects.set(name, { ...object, modified: new Date(Date.now() - days * DAY_MS) });
    },
    run: (...args) => runCommand(args, variables),
    server,
  };
}

/** The kinds of stores, for `describe.each`. */
export const places = [
  ['a directory', directoryPlace],
  ['a bucket', bucketPlace],
] as const satisfies readonly (readonly [string, () => Promise<Place>])[];
