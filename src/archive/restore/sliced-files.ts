import { constants, ftruncateSync } from 'node:fs';
import type { Entry } from '../format/entry.ts';
import { type Attributes, makeReadOnly, setAttributes } from '../fs/attributes.ts';
import type { RefusedAttributes } from '../fs/refused-attributes.ts';
import { wrapStagedError } from '../fs/tree-errors.ts';
import { NEW_FILE, withFile } from '../fs/with-file.ts';
import type { StagedPaths } from '../publish/plan/target-plan.ts';
import { forEachInTurns } from '../turns.ts';
import type { WantedPiece } from './frame-contents.ts';

/** Mode of a file until its last slice is written. */
const NEW_MODE = 0o600;

/**
 * Creates files in several frames before their first slices, and finishes them after their last ones. Throws `StagedFileError`
 * for a file that cannot be written.
 */
export class SlicedFiles {
  /** Bytes that are not written yet, by entry. */
  readonly #left = new Map<number, number>();
  readonly #entries: readonly Entry[];
  readonly #staged: StagedPaths;
  readonly #refused: RefusedAttributes;

  /** Counts attributes that the system refuses to set in `refused`. */
  constructor(entries: readonly Entry[], staged: StagedPaths, refused: RefusedAttributes) {
    this.#entries = entries;
    this.#staged = staged;
    this.#refused = refused;
  }

  /** Creates the files of these entries. Throws `StagedFileError` and the signal's reason. */
  async create(sliced: readonly number[], signal: AbortSignal | undefined): Promise<void> {
    await forEachInTurns(sliced, signal, index => {
      const { size } = this.#entries[index]!;
      const path = this.#staged.at(index);
      // The file gets its length first, because workers write slices in any order
      wrapStagedError(path, () => withFile(path, NEW_FILE, fd => ftruncateSync(fd, size), NEW_MODE));
      this.#left.set(index, size);
    });
  }

  /** Counts a slice as written, and finishes the file if it is complete with it. */
  addWritten({ entry, size }: Pick<WantedPiece, 'entry' | 'size'>): void {
    const left = this.#left.get(entry)! - size;
    this.#left.set(entry, left);
    if (left === 0) this.#finish(this.#staged.at(entry), this.#entries[entry]!);
  }

  #finish(path: string, attributes: Attributes): void {
    wrapStagedError(path, () => {
      const made = { knownMode: undefined };
      withFile(path, constants.O_WRONLY, fd => setAttributes(fd, attributes, this.#refused, made));
      makeReadOnly(path, attributes.mode, this.#refused);
    });
  }
}
