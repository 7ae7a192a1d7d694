import { Writable } from 'node:stream';
import { markerName } from '../../src/cache/keys/cache-names.ts';
import { placesOf } from '../../src/cache/keys/scope.ts';
import type { Invocation } from '../../src/command/invocation.ts';
import { createCommandLog, createOutput } from '../../src/command/output/output.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { putObject } from '../support/put-object.ts';

/** Standard streams in memory. */
export function memoryStreams() {
  const collect = () => {
    let text = '';
    const stream = new Writable({
      write(chunk, _encoding, done) {
        text += String(chunk);
        done();
      },
    });
    return { stream, text: () => text };
  };
  const [out, err] = [collect(), collect()];
  return { stdout: out.stream, stderr: err.stream, out: out.text, err: err.text };
}

export const VERSION_HASH = 'ab'.repeat(32);

interface FakeCache {
  readonly scope?: 'ref' | 'bucket';
  readonly repository?: string;
  readonly ref?: string;
  readonly key: string;
  readonly bytes?: number;
  /** Note a use of it. */
  readonly used?: boolean;
}

/** Stores objects with the names of caches, and markers. Their content is no archive. Returns the names of the caches. */
export async function putFakeCaches(store: ObjectStore, caches: readonly FakeCache[]): Promise<string[]> {
  const names: string[] = [];
  for (const { scope = 'ref', repository = 'org/repo', ref = 'refs/heads/main', ...cache } of caches) {
    const { key, bytes = 1, used = false } = cache;
    const run = { repository, readRefs: [ref], writeRef: ref };
    const places = placesOf({ scope, prefix: 'cache-s3', version: VERSION_HASH, ...run });
    const name = places.write.objectName(key);
    await putObject(store, name, Buffer.alloc(bytes));
    if (used) await putObject(store, markerName('cache-s3', name)!, Buffer.alloc(0));
    names.push(name);
  }
  return names;
}

/** Runs a subcommand in this process, with standard streams in memory. */
export async function invoke(
  store: ObjectStore,
  subcommand: (invocation: Invocation) => Promise<void>,
  { json = false, signal = new AbortController().signal } = {},
): Promise<{ readonly out: string; readonly err: string; readonly error: unknown }> {
  const streams = memoryStreams();
  const output = createOutput({ json, ...streams });
  const log = createCommandLog(output, false);
  const target = { kind: 'directory', root: '/nonexistent' } as const;
  const invocation = { store, target, place: 'the store', prefix: 'cache-s3', log, output, signal };
  let error: unknown;
  await subcommand(invocation).catch(failure => {
    error = failure;
  });
  return { out: streams.out(), err: streams.err(), error };
}
