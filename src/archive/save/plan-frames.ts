import { FRAME_RAW_BYTES, SLICE_BYTES, WHOLE_FILE_BYTES } from '../format/container.ts';
import { PAX_HEADER_BYTES } from '../format/tar-blocks.ts';
import { mtimeOf } from '../fs/file-status.ts';
import { isShortFile } from '../fs/short-files.ts';
import type { FileIdentity, FramePlan, ScannedEntry } from '../messages/pack-job.ts';
import type { Listings } from '../scan/listings.ts';
import { PAUSE } from '../scan/scan.ts';
import { statusNow } from '../scan/tree-node.ts';
import { takeTurn } from '../turns.ts';

/** Yields the frames of all members of a scan. `listings` are those of the scan. Throws `SourceTreeError` and the signal's reason. */
export async function* planFrames(
  members: Iterable<ScannedEntry | typeof PAUSE>,
  signal: AbortSignal | undefined,
  listings?: Listings,
): AsyncGenerator<FramePlan> {
  const planner = new FramePlanner();
  for (const member of members) {
    if (member === PAUSE) {
      await listings?.pending;
      await takeTurn(signal);
      continue;
    }
    const full = planner.add(member);
    // An iteration of nothing takes some turns of the promises' queue, for each entry
    if (full !== NONE) yield* full;
  }
  yield* planner.rest();
}

const NONE: readonly FramePlan[] = [];

/**
 * Groups members into frames of about 4 MiB of tar, in their order. A frame holds whole members; a file over 8 MiB
 * starts a row of slices of its own, so that its data is read, and later written, by several workers.
 */
export class FramePlanner {
  #open: ScannedEntry[] = [];
  #openBytes = 0;

  /**
   * Adds a member. Returns the frames that are complete with it: the open one that it does not fit into, and those of its
   * slices. Throws `SourceTreeError`.
   */
  add(member: ScannedEntry): Iterable<FramePlan> {
    const { size } = member;
    const full = this.#openBytes > 0 && this.#openBytes + size > FRAME_RAW_BYTES ? this.rest() : NONE;
    if (size > WHOLE_FILE_BYTES) return chain(full, slices(member));
    this.#open.push(member);
    // Most members have pax records, because of the fraction in their mtime
    this.#openBytes += PAX_HEADER_BYTES + size;
    return full;
  }

  /** Returns the frame that is not full yet, if there is one. */
  rest(): readonly FramePlan[] {
    if (this.#open.length === 0) return NONE;
    const plan: FramePlan = { members: this.#open, slice: undefined };
    this.#open = [];
    this.#openBytes = 0;
    return [plan];
  }
}

function* chain<T>(...parts: readonly Iterable<T>[]): Generator<T> {
  for (const part of parts) yield* part;
}

/** The file's size and identity are taken now: all slices must be of the same state of the file. */
function* slices(scanned: ScannedEntry): Generator<FramePlan> {
  const stats = statusNow(scanned.path);
  const size = Number(stats?.size);
  if (!stats?.isFile() || size <= WHOLE_FILE_BYTES || isShortFile(scanned.path, size)) {
    // Vanished or small by now, or without its data: the worker that reads it whole reports that
    yield { members: [scanned], slice: undefined };
    return;
  }
  const identity: FileIdentity = stats;
  const member: ScannedEntry = { ...scanned, ...mtimeOf(stats, () => scanned.stats), size };
  for (let start = 0; start < size; start += SLICE_BYTES) {
    yield { members: [member], slice: { start, end: Math.min(start + SLICE_BYTES, size), identity } };
  }
}
