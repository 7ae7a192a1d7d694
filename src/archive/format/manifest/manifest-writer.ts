import { Buffer } from 'node:buffer';
import { constants, zstdCompressSync } from 'node:zlib';
import { SourceTreeError } from '../../archive-errors.ts';
import { encodedLength } from '../../fs/paths/names.ts';
import { makeManifestFrame } from '../container.ts';
import { type Entry, EntryType, type Frame, type ManifestHead, parentName } from '../entry.ts';
import {
  MAX_ENTRIES,
  MAX_FRAMES,
  MAX_HEAD_BYTES,
  MAX_MANIFEST_BYTES,
  MAX_NAME_BYTES_IN_ALL,
  MAX_ROOT_WORK,
  MAX_STORED_MANIFEST_BYTES,
} from '../limits.ts';
import { levelsOf } from '../name-limits.ts';
import { NameColumn, NumberColumn } from './column-buffers.ts';
import { joinColumns } from './columns.ts';
import { OffsetPredictor } from './offset-predictor.ts';

const MANIFEST_LEVEL = 3;

/**
 * Makes a manifest (manifest-reader.ts) entry by entry, and keeps only the encoded bytes of each: about 30, where an object with
 * its name takes 400 (ADR 0011).
 */
export class ManifestWriter {
  #count = 0;
  #nameBytes = 0;
  #rootWork = 0;
  /** The last entry's directories, in which the next one may be. */
  readonly #open: string[] = [];
  #mtimeUs = 0;
  #frame = 0;
  readonly #predictor = new OffsetPredictor();
  /** The columns in the order of the format. */
  readonly #columns = {
    names: new NameColumn(),
    depths: new NumberColumn(),
    types: new NumberColumn(),
    modes: new NumberColumn(),
    mtimes: new NumberColumn(),
    mtimeRests: new NumberColumn(),
    sizes: new NumberColumn(),
    targets: new NameColumn(),
    linkDistances: new NumberColumn(),
    uids: new NumberColumn(),
    gids: new NumberColumn(),
    frames: new NumberColumn(),
    offsets: new NumberColumn(),
  };

  /** Number of entries so far. */
  get count(): number {
    return this.#count;
  }

  /** Adds the next entry in byte order. Throws `SourceTreeError` if a reader would refuse the manifest. */
  add(entry: Entry): void {
    if (this.#count === MAX_ENTRIES)
      throw new SourceTreeError(`the tree has more than ${MAX_ENTRIES} entries, the limit of an archive`);
    const columns = this.#columns;
    this.#addName(entry.name);
    columns.types.addUnsigned(entry.type);
    columns.modes.addUnsigned(entry.mode);
    columns.mtimes.addSigned(entry.mtimeUs - this.#mtimeUs);
    this.#mtimeUs = entry.mtimeUs;
    columns.mtimeRests.addUnsigned(entry.mtimeRestNs);
    columns.sizes.addUnsigned(entry.size);
    if (entry.type === EntryType.symlink) columns.targets.add(entry.target);
    if (entry.linkTo >= 0) columns.linkDistances.addUnsigned(this.#count - entry.linkTo);
    columns.uids.addSigned(entry.uid);
    columns.gids.addSigned(entry.gid);
    if (entry.size > 0) this.#addPosition(entry);
    this.#count++;
  }

  /** Makes the manifest's skippable frame. Throws `SourceTreeError` if a reader would refuse it. */
  finish(head: ManifestHead, frames: readonly Frame[]): Buffer {
    const counts = { frames: frames.length, entries: this.#count };
    const headBytes = Buffer.from(JSON.stringify({ ...head, counts }), 'utf8');
    if (headBytes.length > MAX_HEAD_BYTES || frames.length >= MAX_FRAMES)
      throw new SourceTreeError('the tree is larger than the limit of an archive');
    const raw = joinColumns([
      headBytes,
      new NumberColumn(frames.map(frame => frame.size)).toBuffer(),
      new NumberColumn(frames.map(frame => frame.rawSize)).toBuffer(),
      Buffer.concat(frames.map(frame => frame.sha256)),
      ...Object.values(this.#columns).map(column => column.toBuffer()),
    ]);
    if (raw.length > MAX_MANIFEST_BYTES) throw this.#tooLarge(raw.length);
    const params = {
      [constants.ZSTD_c_compressionLevel]: MANIFEST_LEVEL,
      // zstd checks the manifest by this checksum, and a restore checks the frames by their SHA-256 in the manifest
      [constants.ZSTD_c_checksumFlag]: 1,
    };
    const stored = zstdCompressSync(raw, { params, chunkSize: raw.length + 1024 });
    if (stored.length > MAX_STORED_MANIFEST_BYTES) throw this.#tooLarge(stored.length);
    return makeManifestFrame(stored);
  }

  /**
   * Adds a name as depth and last component. A root below an excluded directory has no parent entry, so it closes all open
   * directories. A later entry of one of them, `./tree/zz` after `./tree/skip/again/`, has depth 0 and its full name.
   */
  #addName(name: string): void {
    const bytes = encodedLength(name);
    this.#nameBytes += bytes;
    if (this.#nameBytes > MAX_NAME_BYTES_IN_ALL)
      throw new SourceTreeError('the names of all entries together are longer than the limit of an archive');
    const open = this.#open;
    const parent = parentName(name);
    while (open.length > 0 && open[open.length - 1] !== parent) open.pop();
    if (open.length === 0) this.#rootWork += levelsOf(name) * bytes;
    if (this.#rootWork > MAX_ROOT_WORK)
      throw new SourceTreeError('the wildcards of `path` match more files than an archive can contain');
    this.#columns.depths.addUnsigned(open.length);
    this.#columns.names.add(open.length > 0 ? name.slice(parent.length) : name);
    if (name.endsWith('/')) open.push(name);
  }

  #tooLarge(bytes: number): SourceTreeError {
    return new SourceTreeError(
      `the manifest of ${this.#count} entries has ${bytes} bytes, more than an archive can contain`,
    );
  }

  #addPosition({ frame, offset, size }: Entry): void {
    this.#columns.frames.addSigned(frame - this.#frame);
    this.#frame = frame;
    this.#columns.offsets.addSigned(offset - this.#predictor.predict(frame));
    this.#predictor.add(frame, offset, size);
  }
}
