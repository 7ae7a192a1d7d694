import { setImmediate } from 'node:timers/promises';
import { BaseOutgrownError } from '../archive-errors.ts';
import { type ScannedEntry, scan } from '../scan/scan.ts';
import { EntryBook } from './entry-book.ts';
import type { PackSource, SourceOptions } from './pack-source.ts';
import { type FramePlan, FramePlanner } from './plan-frames.ts';
import { isWorthReusing } from './region-usage.ts';
import { type Base, Comparison } from './reuse.ts';
import { WritesBehind } from './writes-behind.ts';

/** What was restored before. */
export interface GrowingBase extends Base {
  /** Makes its first `bytes` the first bytes of this object. Called once at most, before anything is written. */
  readonly copy: (bytes: number) => Promise<void>;
}

/** Some ms of a scan. In between, requests are sent and answered, and a signal is heard. */
const ENTRIES_A_TURN = 500;

/**
 * What a save on top of `base` packs: the store copies the base's bytes while the tree is scanned, and what has changed
 * comes as the scan finds it. `BaseOutgrownError` when that turns out to be too much: `finish` throws it, and the plans as
 * soon as something stands where a directory was.
 */
export function growth(options: SourceOptions, base: GrowingBase): PackSource {
  const { layout, roots, notes, head, signal, write } = options;
  const { frames, head: old } = base.manifest;
  const regionBytes = frames.reduce((sum, frame) => sum + frame.size, 0);
  const comparison = new Comparison(base);
  const behind = new WritesBehind(base.copy(regionBytes), write);
  return {
    book: new EntryBook(notes, frames),
    plans: plansOfChanged(scan(layout, roots, notes, true), comparison, signal),
    reusedBytes: regionBytes,
    write: bytes => behind.write(bytes),
    flush: () => behind.flush(),
    finish() {
      if (!isWorthReusing(comparison.usage()))
        throw new BaseOutgrownError('too much of the tree has changed');
      const deadDirectories = comparison.deadDirectories();
      const rest = deadDirectories.length > 0 ? { deadDirectories } : {};
      const grown = { ...head, generation: old.generation + 1, ...rest };
      return { head: grown, reused: comparison.reused() };
    },
  };
}

/** Throws the signal's reason, what the scan throws, and `BaseOutgrownError`. */
async function* plansOfChanged(
  scanned: Iterable<ScannedEntry>,
  comparison: Comparison,
  signal: AbortSignal | undefined,
): AsyncGenerator<FramePlan> {
  const planner = new FramePlanner();
  let seen = 0;
  for (const found of scanned) {
    if (++seen % ENTRIES_A_TURN === 0) {
      await setImmediate();
      signal?.throwIfAborted();
    }
    const changed = comparison.next(found);
    if (comparison.isBlocked) throw new BaseOutgrownError('a directory is something else now');
    for (const member of changed) yield* planner.add(member);
  }
  yield* planner.rest();
}
