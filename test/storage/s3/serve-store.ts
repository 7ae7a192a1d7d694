import { onTestFinished } from 'vitest';
import type { ObjectStore } from '../../../src/storage/object-store.ts';
import type { CallerOptions } from '../../../src/storage/s3/calls/caller.ts';
import type { S3Settings } from '../../../src/storage/s3/s3-settings.ts';
import { type MemoryServer, startMemoryServer } from '../../support/servers/memory-server.ts';
import type { Quirks } from '../../support/servers/memory-store.ts';
import { openStore } from './support.ts';

/** Starts an S3 server in memory that ends with the test. */
export async function serveMemory(quirks?: Quirks): Promise<MemoryServer> {
  const server = await startMemoryServer(quirks);
  onTestFinished(() => server.close());
  return server;
}

/** Starts an S3 server in memory and opens a store of its bucket. Both end with the test. */
export async function serveStore(
  quirks?: Quirks,
  settings: Partial<S3Settings> = {},
  options?: Partial<CallerOptions>,
): Promise<{ readonly server: MemoryServer; readonly store: ObjectStore }> {
  const server = await serveMemory(quirks);
  const store = openStore({ endpoint: new URL(server.endpoint), ...settings }, options);
  onTestFinished(() => store.close());
  return { server, store };
}
