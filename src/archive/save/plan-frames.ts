import { FRAME_RAW_BYTES, SLICE_BYTES, WHOLE_FILE_BYTES } from '../format/container.ts';
import { PAX_HEADER_BYTES } from '../format/tar-blocks.ts';
import { mtimeOf } from '../fs/file-status.ts';
import { isShortFile } from '../fs/with-file.ts';
import type { FileIdentity, FramePlan, ScannedEntry } from '../messages/pack-job.ts';
import { statusNow } from '../scan/read-entry.ts';
import type { Batch } from '../scan/scan.ts';

/** Yields the frames of all members. Throws `SourceTreeError` and the errors of `batches`. */
export async function* planFrames(batches: AsyncIterable<Batch>): AsyncGenerator<FramePlan, void> {
  const planner = new FramePlanner();
  for await (const batch of batches)
    for (const member of batch) for (const plan of planner.add(member)) yield plan;
  for (const plan of planner.takeRest()) yield plan;
}

const NONE: readonly FramePlan[] = [];

/**
 * Groups members into frames of about 4 MiB of tar, in their order. A frame has whole members, or a slice of a file over 8 MiB, so
 * that several workers read the file, and later write it.
 */
export class FramePlanner {
  #open: ScannedEntry[] = [];
  #openBytes = 0;

  /**
   * Adds a member. Returns the frames that are complete: the open frame if the member does not fit into it, and the frames of its
   * slices. Throws `SourceTreeError`.
   */
  add(member: ScannedEntry): Iterable<FramePlan> {
    const { size } = member;
    const full = this.#openBytes > 0 && this.#openBytes + size > FRAME_RAW_BYTES ? this.takeRest() : NONE;
    if (size > WHOLE_FILE_BYTES) return planSlices(member, full);
    this.#open.push(member);
    // Most members have pax records, because of the fraction in their mtime
    this.#openBytes += PAX_HEADER_BYTES + size;
    return full;
  }

  /** Ends the open frame and returns it, if there is one. */
  takeRest(): readonly FramePlan[] {
    if (this.#open.length === 0) return NONE;
    const plan: FramePlan = { members: this.#open, slice: undefined };
    this.#open = [];
    this.#openBytes = 0;
    return [plan];
  }
}

/** Yields `before`, then the frames of a large file. Its status is read once, because all slices must be of the same state. */
function* planSlices(scanned: ScannedEntry, before: readonly FramePlan[]): Generator<FramePlan> {
  yield* before;
  const stats = statusNow(scanned.path);
  const size = Number(stats?.size);
  if (!stats?.isFile() || size <= WHOLE_FILE_BYTES || isShortFile(scanned.path, size)) {
    // It has vanished, is small by now or is shorter than its size: the worker that reads it whole finds the reason
    yield { members: [scanned], slice: undefined };
    return;
  }
  const identity: FileIdentity = stats;
  const member: ScannedEntry = { ...scanned, ...mtimeOf(stats, () => scanned.stats), size };
  for (let start = 0; start < size; start += SLICE_BYTES) {
    yield { members: [member], slice: { start, end: Math.min(start + SLICE_BYTES, size), identity } };
  }
}
