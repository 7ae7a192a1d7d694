/** This folder writes an archive, on the main thread: it selects the entries, plans the frames and builds the manifest. */

import { Buffer } from 'node:buffer';
import { compressFrame } from '../format/codec.ts';
import { makeSeekTable } from '../format/container.ts';
import { END_OF_ARCHIVE_BYTES } from '../format/tar-blocks.ts';
import { encodePackJob, type FramePlan } from '../messages/pack-job.ts';
import { mapInOrder } from '../pool/in-flight.ts';
import type { JobRunner } from '../pool/worker-pool.ts';
import { InlineRunner } from '../worker/worker.ts';
import { isLikelyWorthReusing } from './changed-share.ts';
import { type CompressionLevel, CompressionLevels, type LevelRun } from './compression-levels.ts';
import { LateWorkers } from './late-workers.ts';
import { LostFirstNames } from './lost-first-names.ts';
import {
  type CopyableBase,
  makeFullSource,
  makeIncrementalSource,
  type PackSource,
  type SourceOptions,
} from './pack-source.ts';

interface PackOptions extends SourceOptions {
  readonly level: CompressionLevel;
  /** Makes the runner, if there is more to pack than one quick frame. `pack` closes it. */
  readonly runner: () => JobRunner;
  /** Checks the host before a full save of more than one quick frame at level 9 or lower. */
  readonly isHostCrowded: () => boolean;
  readonly base?: CopyableBase | undefined;
}

interface PackSummary {
  readonly entries: number;
  /** Bytes of file data. */
  readonly rawBytes: number;
  /** Bytes of the object. */
  readonly sizeBytes: number;
  /** Bytes of the object that were copied from the base. */
  readonly reusedBytes: number;
  /** The levels of the frames, in their order. */
  readonly levels: readonly LevelRun[];
}

/**
 * Writes the archive of a tree: workers make frames during the scan, and the frames are written in order. If most of `base` is
 * likely to be unchanged, the store copies its data and only changed files are read.
 * It needs memory for the frames in flight and the manifest.
 * Returns undefined, and writes nothing, if there is nothing to archive.
 * Throws `SourceTreeError`, the signal's reason, the errors of `output` and `copy`, and `BaseOutgrownError` if too much has
 * changed since the copy began.
 */
export async function pack(options: PackOptions): Promise<PackSummary | undefined> {
  const { base, layout } = options;
  const levels = new CompressionLevels(options.level);
  let pool: JobRunner | undefined;
  const openPool = () => {
    pool ??= options.runner();
    return pool;
  };
  try {
    const reused = base && (await isLikelyWorthReusing(base, layout)) ? base : undefined;
    const source = reused ? makeIncrementalSource(options, reused, openPool) : makeFullSource(options);
    const { plans } = source;
    const firstTwo = [await plans.next(), await plans.next()].flatMap(({ done, value }) =>
      done ? [] : [value],
    );
    // To pack one frame takes less time than to start a worker
    const isQuick = firstTwo.length <= 1 && firstTwo.every(plan => isQuickToPack(plan, levels.level));
    if (!isQuick) {
      const workers = openPool();
      const begin = () => source.useWorkers?.(workers);
      // The workers of an incremental save compare more than they pack
      if (!reused && levels.level <= QUICK_LEVEL && options.isHostCrowded())
        pool = new LateWorkers(workers, begin);
      else begin();
    }
    const runner = pool ?? new InlineRunner();
    return await packFrames(options, source, concat(firstTwo, plans), { runner, levels });
  } finally {
    await pool?.close();
  }
}

async function packFrames(
  { signal, notices }: PackOptions,
  source: PackSource,
  plans: AsyncIterable<FramePlan>,
  { runner, levels }: { readonly runner: JobRunner; readonly levels: CompressionLevels },
): Promise<PackSummary | undefined> {
  const { builder, reusedBytes } = source;
  let sizeBytes = reusedBytes;
  const write = (bytes: Uint8Array): Promise<void> => {
    sizeBytes += bytes.length;
    return source.output.write(bytes);
  };
  const work = async (plan: FramePlan) => {
    const level = levels.next(source.output.queueFill);
    return { plan, result: await runner.run(encodePackJob(plan, level)) };
  };
  const lostNames = new LostFirstNames(notices);
  const add = async ({ plan, result }: Awaited<ReturnType<typeof work>>): Promise<void> => {
    signal?.throwIfAborted();
    const instead = lostNames.replan(plan, result);
    if (instead) {
      for (const again of instead) await add(await work(again));
      return;
    }
    if (builder.add(plan, result)) await write(result.bytes);
  };
  for await (const packed of mapInOrder(plans, framesInFlight(runner), work)) await add(packed);
  // The manifest is built in the memory that the workers had
  await runner.close();
  const { manifest, entries } = source.finish();
  if (entries === 0) return undefined;
  const { frames, rawBytes } = builder;
  const end = compressFrame(Buffer.alloc(END_OF_ARCHIVE_BYTES), levels.level);
  const table = makeSeekTable([...frames, { size: end.length, rawSize: END_OF_ARCHIVE_BYTES }]);
  for (const bytes of [end, manifest, table]) await write(bytes);
  await source.output.flush?.();
  return { entries, rawBytes, sizeBytes, reusedBytes, levels: levels.runs };
}

/** Highest quick level. Above it zstd may take a second for each MiB, without handling signals (4 MiB at level 19: 4.2 s). */
const QUICK_LEVEL = 9;

/** Returns whether the main thread may pack a frame. */
function isQuickToPack({ members }: FramePlan, level: number): boolean {
  return level <= QUICK_LEVEL || members.reduce((sum, member) => sum + member.size, 0) <= 256 * 1024;
}

async function* concat<T>(first: Iterable<T>, rest: AsyncIterable<T>): AsyncGenerator<T> {
  yield* first;
  yield* rest;
}

/**
 * Returns the maximum number of frames in flight. A worker packs one frame and has one that waits, and finished frames wait for
 * an earlier one that takes longer.
 */
function framesInFlight(runner: JobRunner): number {
  return 3 * runner.width + 1;
}
