import { Buffer } from 'node:buffer';
import { constants, zstdCompressSync } from 'node:zlib';
import { SourceTreeError } from '../archive-errors.ts';
import { NameColumn, NumberColumn } from './column-buffers.ts';
import { ColumnWriter } from './columns.ts';
import { MAX_ENTRIES, MAX_MANIFEST_BYTES, MAX_NAME_CHARACTERS, manifestFrame } from './container.ts';
import { type Entry, EntryType, type Frame, type ManifestHead, parentName } from './entry.ts';
import { OffsetPredictor } from './offset-predictor.ts';

const MANIFEST_LEVEL = 3;

/**
 * Makes a manifest (manifest-reader.ts) entry by entry, and keeps no more of one than its bytes: about 30, where an object with
 * its name takes 400 (ADR 0011).
 */
export class ManifestWriter {
  #count = 0;
  #nameCharacters = 0;
  /** Directories that an entry may stand in: those around the last one. */
  readonly #open: string[] = [];
  #mtimeUs = 0;
  #frame = 0;
  readonly #place = new OffsetPredictor();
  readonly #names = new NameColumn();
  readonly #depths = new NumberColumn();
  readonly #types = new NumberColumn();
  readonly #modes = new NumberColumn();
  readonly #mtimes = new NumberColumn();
  readonly #sizes = new NumberColumn();
  readonly #targets = new NameColumn();
  readonly #linkDistances = new NumberColumn();
  readonly #uids = new NumberColumn();
  readonly #gids = new NumberColumn();
  readonly #frames = new NumberColumn();
  readonly #offsets = new NumberColumn();

  /** Entries so far. */
  get count(): number {
    return this.#count;
  }

  /** The next entry in byte order. Throws `SourceTreeError` when it is one more than a reader accepts. */
  add(entry: Entry): void {
    if (this.#count === MAX_ENTRIES)
      throw new SourceTreeError(`the tree has more entries than an archive holds (${MAX_ENTRIES})`);
    this.#addName(entry.name);
    this.#types.unsigned(entry.type);
    this.#modes.unsigned(entry.mode);
    this.#mtimes.signed(entry.mtimeUs - this.#mtimeUs);
    this.#mtimeUs = entry.mtimeUs;
    this.#sizes.unsigned(entry.size);
    if (entry.type === EntryType.symlink) this.#targets.add(entry.target);
    if (entry.linkTo >= 0) this.#linkDistances.unsigned(this.#count - entry.linkTo);
    this.#uids.signed(entry.uid);
    this.#gids.signed(entry.gid);
    if (entry.size > 0) this.#addPlace(entry);
    this.#count++;
  }

  /** The manifest's skippable frame; the end of this writer. Throws `SourceTreeError` for more than a reader accepts. */
  finish(head: ManifestHead, frames: readonly Frame[]): Buffer {
    const columns = new ColumnWriter();
    const counts = { frames: frames.length, entries: this.#count };
    columns.bytes(Buffer.from(JSON.stringify({ ...head, counts }), 'utf8'));
    columns.unsigned(frames.map(frame => frame.size));
    columns.unsigned(frames.map(frame => frame.rawSize));
    columns.bytes(Buffer.concat(frames.map(frame => frame.sha256)));
    for (const column of [
      this.#names,
      this.#depths,
      this.#types,
      this.#modes,
      this.#mtimes,
      this.#sizes,
      this.#targets,
      this.#linkDistances,
      this.#uids,
      this.#gids,
      this.#frames,
      this.#offsets,
    ]) {
      columns.bytes(column.written());
    }
    const raw = columns.finish();
    if (raw.length > MAX_MANIFEST_BYTES) {
      throw new SourceTreeError(
        `the manifest of ${this.#count} entries takes ${raw.length} bytes, more than 256 MiB`,
      );
    }
    const params = {
      [constants.ZSTD_c_compressionLevel]: MANIFEST_LEVEL,
      // Frames have their SHA-256 in here; this is what the manifest itself is checked by, as zstd opens it
      [constants.ZSTD_c_checksumFlag]: 1,
    };
    return manifestFrame(zstdCompressSync(raw, { params, chunkSize: raw.length + 1024 }));
  }

  /**
   * A root below a directory that the step leaves out has no parent here, so it closes all that are open: what then still
   * follows of the directory around it, `./tree/zz` after `./tree/skip/again/`, is stored at depth 0, with its full name.
   */
  #addName(name: string): void {
    this.#nameCharacters += name.length;
    if (this.#nameCharacters > MAX_NAME_CHARACTERS)
      throw new SourceTreeError('the names of the entries are longer, in all, than an archive holds');
    const open = this.#open;
    const parent = parentName(name);
    while (open.length > 0 && open[open.length - 1] !== parent) open.pop();
    this.#depths.unsigned(open.length);
    this.#names.add(open.length > 0 ? name.slice(parent.length) : name);
    if (name.endsWith('/')) open.push(name);
  }

  #addPlace({ frame, offset, size }: Entry): void {
    this.#frames.signed(frame - this.#frame);
    this.#frame = frame;
    this.#offsets.signed(offset - this.#place.expected(frame));
    this.#place.after(frame, offset, size);
  }
}
