import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { CompressionLevel } from '../../src/archive/save/compression-levels.ts';
import type { PeerOption } from '../options.ts';
import { environment, type Store } from './environment.ts';
import type { Program } from './program.ts';

interface OursOptions {
  /** The built action: a copy of dist/. */
  readonly dist: string;
  readonly store: Store;
  /** Worker threads. Undefined if as many as there are cores. */
  readonly workers?: number | undefined;
  /** The compression level. Undefined if the action's default. */
  readonly level?: CompressionLevel | undefined;
  readonly warm?: boolean | undefined;
  /** A directory for frames, and the bytes that they may have. Undefined if the action's default. */
  readonly diskCache?: string | undefined;
  readonly diskCacheBytes?: number | undefined;
  /** Runs a restore as the main phase of a step whose post phase may save, and not as restore/. */
  readonly savesLater?: boolean | undefined;
}

/** Returns the built action, run by its own entries. */
export function ours({
  dist,
  store,
  workers,
  level,
  warm,
  diskCache,
  diskCacheBytes,
  savesLater,
}: OursOptions): Program {
  const entries = { save: 'save-only.js', restore: savesLater ? 'main.js' : 'restore-only.js' };
  const bucket = 'bench-ours';
  const preload = pathToFileURL(path.join(import.meta.dirname, 'parallelism.mjs'));
  return {
    name: 'cache-s3',
    bucket,
    command: job => ({
      args: [process.execPath, path.join(dist, entries[job.phase])],
      cwd: job.workspace,
      env: {
        ...environment(job, store, bucket),
        ...(level !== undefined && { 'INPUT_COMPRESSION-LEVEL': String(level) }),
        ...(warm && { 'INPUT_WARM-RESTORE': 'true' }),
        ...(diskCache !== undefined && { 'INPUT_DISK-CACHE': diskCache }),
        ...(diskCacheBytes !== undefined && { 'INPUT_DISK-CACHE-SIZE': `${diskCacheBytes / 1e6}MB` }),
        ...(workers !== undefined && {
          NODE_OPTIONS: `--import=${preload}`,
          BENCH_WORKERS: String(workers),
        }),
      },
    }),
  };
}

/** Returns the reference program, which works as the peers do. `bundle` is the result of `buildReference`. */
export function reference(bundle: string, store: Store): Program {
  const bucket = 'bench-reference';
  return {
    name: 'reference',
    bucket,
    command: job => ({
      args: [process.execPath, bundle, job.phase],
      cwd: job.workspace,
      env: environment(job, store, bucket),
    }),
  };
}

/** Returns a program of the command line. */
export function peer({ name, save, restore }: PeerOption, store: Store): Program {
  const bucket = `bench-peer-${name.toLowerCase().replaceAll(/[^a-z0-9]/g, '-')}`;
  return {
    name,
    bucket,
    command: job => ({
      args: ['bash', '-c', job.phase === 'save' ? save : restore],
      cwd: job.workspace,
      env: environment(job, store, bucket),
    }),
  };
}

/** Returns an empty program: its time is the least that any JavaScript action takes. */
export function emptyNode(): Program {
  return {
    name: 'node -e 0',
    bucket: undefined,
    command: ({ workspace }) => ({ args: [process.execPath, '-e', '0'], cwd: workspace, env: {} }),
  };
}
