/** Archives in memory: packs a tree into bytes, restores bytes into a tree, with nothing of a store in between. */

import path from 'node:path';
import { entryCheckOf } from '../../../src/archive/check/validate.ts';
import type { DiskCache } from '../../../src/archive/disk-cache/disk-cache.ts';
import type { ManifestHead } from '../../../src/archive/format/entry.ts';
import { TAIL_BYTES } from '../../../src/archive/format/limits.ts';
import { type ObjectBytes, openArchive } from '../../../src/archive/format/open-archive.ts';
import { RestoredLinks } from '../../../src/archive/fs/links/restored-links.ts';
import type { PathLayout } from '../../../src/archive/fs/paths/layout.ts';
import type { JobRunner } from '../../../src/archive/pool/worker-pool.ts';
import { type RestoreSummary, restoreArchive } from '../../../src/archive/restore/restore-archive.ts';
import { RestoreNotices } from '../../../src/archive/restore/restore-notices.ts';
import { pack } from '../../../src/archive/save/pack.ts';
import { InlineRunner } from '../../../src/archive/worker/worker.ts';
import { createPathLayout, type StepLayout } from '../../../src/cache/paths/paths.ts';
import { threadProgram } from '../../support/built-sources/built-file.ts';
import { checkTar } from '../../support/tar/check-tar.ts';
import { RecordedNotices } from './recorded-notices.ts';

export const WORKER_URL = threadProgram('worker');

export const HEAD: ManifestHead = {
  tool: 'cache-s3/0.0.0',
  object: 'v1/o/r/_/key/0.tar.zst',
  key: 'key',
  version: '0'.repeat(64),
  paths: ['tree'],
  platform: process.platform,
  origin: { repository: 'o/r' },
};

/** Returns the layout of a step with this `path` input that runs in `workspace`. */
export function layoutIn(
  workspace: string,
  lines: readonly string[] = ['tree'],
  home = '/nowhere/home',
): StepLayout {
  return createPathLayout({ lines, workspace, home, platformPath: path });
}

export interface PackedTree {
  readonly object: Buffer;
  readonly skipped: readonly string[];
  /** Paths with times that are not saved, and the years that are saved instead. */
  readonly outOfRange: readonly string[];
}

interface PackTreeOptions {
  readonly runner?: JobRunner;
  readonly level?: number;
  /** Called before each piece of the object is kept. */
  readonly onWrite?: () => void;
  /** Whether tar may have members that the manifest has not. */
  readonly deadMembers?: boolean;
}

/** The object that a save of this layout would store, a sound tar by another reader's word. Empty: nothing was found. */
export async function packTree(layout: PathLayout, options: PackTreeOptions = {}): Promise<PackedTree> {
  const pieces: Uint8Array[] = [];
  const notices = new RecordedNotices();
  await pack({
    layout,
    roots: await layout.roots(),
    head: HEAD,
    level: options.level ?? 3,
    runner: () => options.runner ?? new InlineRunner(),
    isHostCrowded: () => false,
    notices,
    output: {
      queueFill: 0,
      async write(bytes) {
        options.onWrite?.();
        pieces.push(Uint8Array.from(bytes));
      },
    },
  });
  const object = Buffer.concat(pieces);
  if (object.length > 0) await checkTar(object, { full: options.deadMembers !== true });
  return { object, skipped: notices.skippedPaths, outOfRange: notices.outOfRange };
}

export interface RestoreObjectOptions {
  readonly runner?: () => JobRunner;
  readonly diskCache?: DiskCache;
  /** Bytes of the object's end that come first; default as in a real restore. */
  readonly tailBytes?: number;
  /** Sees every further read before it is answered; may throw. */
  readonly onRead?: (start: number, end: number) => void;
  readonly signal?: AbortSignal;
  /** Links of earlier restores of the job. */
  readonly restoredLinks?: RestoredLinks;
  /** Receives the rows of the links that are published. */
  readonly onLinks?: (rows: readonly number[]) => void;
  readonly isWarm?: boolean;
  readonly runLabel?: string;
  readonly notices?: RestoreNotices;
}

/** Restores an object's bytes as the backend does: its tail first, then the ranges that the manifest names. */
export async function restoreBytes(
  object: Buffer,
  layout: PathLayout,
  options: RestoreObjectOptions = {},
): Promise<RestoreSummary> {
  const read = async (start: number, end: number) => {
    options.onRead?.(start, end);
    return Uint8Array.from(object.subarray(start, end));
  };
  const archive = await openArchive(tailOf(object, options.tailBytes), object.length, read, {
    createCheck: entryCheckOf(layout),
    signal: options.signal,
  });
  return restoreArchive({
    archive,
    read,
    layout,
    restoredLinks: options.restoredLinks ?? new RestoredLinks(),
    beforeCommit: links => options.onLinks?.(links),
    runLabel: options.runLabel ?? '1-00000000',
    runner: options.runner?.() ?? new InlineRunner(),
    diskCache: options.diskCache,
    signal: options.signal,
    isWarm: options.isWarm ?? false,
    notices: options.notices ?? new RestoreNotices(),
  });
}

export function tailOf(object: Buffer, tailBytes = TAIL_BYTES): ObjectBytes {
  const start = Math.max(0, object.length - tailBytes);
  return { start, bytes: Uint8Array.from(object.subarray(start)) };
}
