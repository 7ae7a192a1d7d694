import type { ManifestHead } from '../format/entry.ts';
import type { PathLayout } from '../fs/layout.ts';
import { type ScanNotes, scan } from '../scan/scan.ts';
import { EntryBook, type Listed } from './entry-book.ts';
import { type FramePlan, planFrames } from './plan-frames.ts';

export interface SourceOptions {
  readonly layout: PathLayout;
  readonly roots: readonly string[];
  readonly head: ManifestHead;
  readonly notes: ScanNotes;
  /** Takes the object's bytes in their order; resolves when there is room for more. */
  readonly write: (bytes: Uint8Array) => Promise<void>;
  readonly signal?: AbortSignal | undefined;
}

/** What a save packs, and what its archive stands on. */
export interface PackSource {
  readonly book: EntryBook;
  readonly plans: Iterable<FramePlan> | AsyncIterable<FramePlan>;
  /** Bytes of the object that are taken over. */
  readonly reusedBytes: number;
  /** Takes what follows those; resolves when there is room for more. */
  readonly write: (bytes: Uint8Array) => Promise<void>;
  /** Resolves when all that was written is taken. */
  readonly flush: () => Promise<void>;
  /** To be called when there are no more plans. */
  readonly finish: () => PackEnd;
}

export interface PackEnd {
  readonly head: ManifestHead;
  /** Entries whose data is taken over, in byte order. */
  readonly reused: Iterable<Listed>;
}

/** The whole tree, for an archive that stands on nothing. */
export function wholeTree({ layout, roots, notes, head, write }: SourceOptions): PackSource {
  return {
    book: new EntryBook(notes),
    plans: planFrames(scan(layout, roots, notes)),
    reusedBytes: 0,
    write,
    flush: () => Promise.resolve(),
    finish: () => ({ head, reused: [] }),
  };
}
