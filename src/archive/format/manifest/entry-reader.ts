import { DamagedArchiveError } from '../../archive-errors.ts';
import { isPlainComponent } from '../../fs/paths/stored-name.ts';
import { type Entry, EntryType } from '../entry.ts';
import {
  MAX_COMPONENT_BYTES,
  MAX_LEVELS,
  MAX_NAME_BYTES,
  MAX_NAME_BYTES_IN_ALL,
  MAX_ROOT_WORK,
} from '../limits.ts';
import { isNameTooLong, levelsOf } from '../name-limits.ts';
import type { ColumnReader } from './columns.ts';
import { NameReader } from './name-reader.ts';
import { OffsetPredictor } from './offset-predictor.ts';

/** A directory that the next entries may be in. */
interface OpenDirectory {
  readonly name: string;
  /** Bytes of the name. */
  readonly bytes: number;
  /** Components of the name. */
  readonly levels: number;
}

const NO_DIRECTORY: OpenDirectory = { name: '', bytes: 0, levels: 0 };

/** Reads the columns in the order of the format. */
function readColumns(columns: ColumnReader) {
  return {
    names: new NameReader(columns.readBytes()),
    depths: columns.readNumbers(),
    types: columns.readNumbers(),
    modes: columns.readNumbers(),
    mtimes: columns.readNumbers(),
    mtimeRests: columns.readNumbers(),
    sizes: columns.readNumbers(),
    targets: new NameReader(columns.readBytes()),
    linkDistances: columns.readNumbers(),
    uids: columns.readNumbers(),
    gids: columns.readNumbers(),
    frames: columns.readNumbers(),
    offsets: columns.readNumbers(),
  };
}

/**
 * Reads the entries of a manifest from its columns (`ManifestWriter` makes them). Names are stored as depth and last component.
 * An entry at depth n is in the last directory at depth n - 1, an entry at depth 0 has its full name. So an entry at depth 1 or
 * more is in a directory of this archive. An entry at depth 0 can have any name, and is not always a root (see `ManifestWriter`):
 * `check/validate.ts` checks each of them.
 *
 * Throws `DamagedArchiveError` for names beyond the limits of the format before they take memory or time.
 */
export class EntryReader {
  /** Bytes of all names in full. */
  nameBytes = 0;
  readonly #columns: ReturnType<typeof readColumns>;
  readonly #rest: ColumnReader;
  readonly #open: OpenDirectory[] = [];
  readonly #predictor = new OffsetPredictor();
  #rootWork = 0;
  #index = 0;
  #mtimeUs = 0;
  #frame = 0;

  constructor(columns: ColumnReader) {
    this.#columns = readColumns(columns);
    this.#rest = columns;
  }

  /** Returns the next entry. */
  read(): Entry {
    const columns = this.#columns;
    const type = columns.types.readUnsigned() as EntryType;
    const name = this.#readName(type === EntryType.directory);
    const size = columns.sizes.readUnsigned();
    this.#mtimeUs += columns.mtimes.readSigned();
    let offset = 0;
    if (size > 0) {
      this.#frame += columns.frames.readSigned();
      offset = this.#predictor.predict(this.#frame) + columns.offsets.readSigned();
      this.#predictor.add(this.#frame, offset, size);
    }
    const entry: Entry = {
      name,
      type,
      mode: toInteger(columns.modes.readUnsigned()),
      mtimeUs: this.#mtimeUs,
      mtimeRestNs: toInteger(columns.mtimeRests.readUnsigned()),
      size: toInteger(size),
      target: type === EntryType.symlink ? columns.targets.read() : '',
      linkTo:
        type === EntryType.hardLink ? toInteger(this.#index - columns.linkDistances.readUnsigned()) : -1,
      uid: toInteger(columns.uids.readSigned()),
      gid: toInteger(columns.gids.readSigned()),
      frame: size > 0 ? toInteger(this.#frame) : -1,
      offset: toInteger(offset),
    };
    this.#index++;
    return entry;
  }

  /** Throws if a column has more items than were read, or bytes follow the columns. */
  end(): void {
    for (const column of Object.values(this.#columns)) column.end();
    this.#rest.end();
  }

  #readName(isDirectory: boolean): string {
    const open = this.#open;
    const { names, depths } = this.#columns;
    const component = names.read();
    const depth = depths.readUnsigned();
    if (depth > open.length)
      throw new DamagedArchiveError('an entry of its manifest has no parent directory');
    open.length = depth;
    const parent = depth > 0 ? open[depth - 1]! : NO_DIRECTORY;
    const name = parent.name + component;
    const bytes = parent.bytes + names.length;
    const levels = depth > 0 ? parent.levels + 1 : levelsOf(name);
    if (depth > 0) checkComponent(component, names.length, isDirectory);
    else this.#rootWork += levels * bytes;
    if (bytes > MAX_NAME_BYTES || levels > MAX_LEVELS || (depth === 0 && isNameTooLong(name)))
      throw new DamagedArchiveError('a name in its manifest is too long');
    this.nameBytes += bytes;
    if (this.nameBytes > MAX_NAME_BYTES_IN_ALL)
      throw new DamagedArchiveError('the names of its entries are too long in all');
    if (this.#rootWork > MAX_ROOT_WORK)
      throw new DamagedArchiveError('too many of its entries are in no directory of the archive');
    if (isDirectory) open.push({ name, bytes, levels });
    return name;
  }
}

function checkComponent(component: string, bytes: number, isDirectory: boolean): void {
  const plain = isDirectory ? component.slice(0, -1) : component;
  if (component.endsWith('/') !== isDirectory || plain.includes('/') || !isPlainComponent(plain))
    throw new DamagedArchiveError('a name in its manifest is not a single component');
  if (bytes - (isDirectory ? 1 : 0) > MAX_COMPONENT_BYTES)
    throw new DamagedArchiveError('a name in its manifest is too long');
}

/**
 * Returns the number, as a small integer if it is one. V8 stores every other number outside of the entry, as a double in 16
 * bytes. Six of them are a quarter of an entry's memory.
 */
function toInteger(value: number): number {
  const integer = value | 0;
  return integer === value ? integer : value;
}
