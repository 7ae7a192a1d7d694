import type { Buffer } from 'node:buffer';
import { DamagedArchiveError } from '../../archive-errors.ts';
import { type Entry, EntryType } from '../entry.ts';
import {
  MAX_COMPONENT_BYTES,
  MAX_LEVELS,
  MAX_NAME_BYTES,
  MAX_NAME_BYTES_IN_ALL,
  MAX_ROOT_WORK,
} from '../limits.ts';
import { isNameTooLong, levelsOf } from '../name-limits.ts';
import type { ColumnReader, NumberReader } from './columns.ts';
import { NameReader } from './name-reader.ts';
import { OffsetPredictor } from './offset-predictor.ts';

/** A directory that the next entries may be in. */
interface OpenDirectory {
  readonly name: string;
  readonly bytes: number;
  /** Components of the name. */
  readonly levels: number;
}

const NO_DIRECTORY: OpenDirectory = { name: '', bytes: 0, levels: 0 };

/**
 * Reads the entries of a manifest from its columns (`ManifestWriter` makes them). Names are stored as depth and last
 * component: an entry at depth n is in the last directory at depth n - 1, an entry at depth 0 has its full name. So an entry
 * at a depth is a child of a directory of this archive. An entry at depth 0 can have any name, and is not always a root (see
 * `ManifestWriter`): `check/validate.ts` checks every one.
 *
 * Throws `DamagedArchiveError` for names beyond the limits of the format before they take memory or time.
 */
export class EntryReader {
  /** Bytes of all names in full. */
  nameBytes = 0;
  readonly #names: NameReader;
  readonly #depths: NumberReader;
  readonly #types: Buffer;
  readonly #modes: NumberReader;
  readonly #mtimes: NumberReader;
  readonly #mtimeRests: NumberReader;
  readonly #sizes: NumberReader;
  readonly #targets: NameReader;
  readonly #linkDistances: NumberReader;
  readonly #uids: NumberReader;
  readonly #gids: NumberReader;
  readonly #frames: NumberReader;
  readonly #residuals: NumberReader;
  readonly #open: OpenDirectory[] = [];
  readonly #place = new OffsetPredictor();
  #rootWork = 0;
  #index = 0;
  #mtimeUs = 0;
  #frame = 0;

  constructor(columns: ColumnReader, count: number) {
    this.#names = new NameReader(columns.bytes(), MAX_NAME_BYTES);
    this.#depths = columns.numbers();
    this.#types = columns.bytes();
    if (this.#types.length !== count)
      throw new DamagedArchiveError('its manifest has a wrong number of entry types');
    this.#modes = columns.numbers();
    this.#mtimes = columns.numbers();
    this.#mtimeRests = columns.numbers();
    this.#sizes = columns.numbers();
    this.#targets = new NameReader(columns.bytes(), MAX_NAME_BYTES);
    this.#linkDistances = columns.numbers();
    this.#uids = columns.numbers();
    this.#gids = columns.numbers();
    this.#frames = columns.numbers();
    this.#residuals = columns.numbers();
  }

  /** Returns the next entry. */
  read(): Entry {
    const type = this.#types[this.#index] as EntryType;
    const name = this.#readName(type === EntryType.directory);
    const size = this.#sizes.unsigned();
    this.#mtimeUs += this.#mtimes.signed();
    let offset = 0;
    if (size > 0) {
      this.#frame += this.#frames.signed();
      offset = this.#place.expected(this.#frame) + this.#residuals.signed();
      this.#place.after(this.#frame, offset, size);
    }
    const entry: Entry = {
      name,
      type,
      mode: asInteger(this.#modes.unsigned()),
      mtimeUs: this.#mtimeUs,
      mtimeRestNs: asInteger(this.#mtimeRests.unsigned()),
      size: asInteger(size),
      target: type === EntryType.symlink ? this.#targets.read() : '',
      linkTo: type === EntryType.hardLink ? asInteger(this.#index - this.#linkDistances.unsigned()) : -1,
      uid: asInteger(this.#uids.signed()),
      gid: asInteger(this.#gids.signed()),
      frame: size > 0 ? asInteger(this.#frame) : -1,
      offset: asInteger(offset),
    };
    this.#index++;
    return entry;
  }

  /** Throws if a column has more items than were read. */
  end(): void {
    for (const names of [this.#names, this.#targets]) names.end();
    for (const numbers of [
      this.#depths,
      this.#modes,
      this.#mtimes,
      this.#mtimeRests,
      this.#sizes,
      this.#linkDistances,
      this.#uids,
      this.#gids,
      this.#frames,
      this.#residuals,
    ])
      numbers.end();
  }

  #readName(isDirectory: boolean): string {
    const open = this.#open;
    const component = this.#names.read();
    const depth = this.#depths.unsigned();
    if (depth > open.length)
      throw new DamagedArchiveError('an entry of its manifest has no parent directory');
    open.length = depth;
    const parent = depth > 0 ? open[depth - 1]! : NO_DIRECTORY;
    const name = parent.name + component;
    const bytes = parent.bytes + this.#names.length;
    const levels = depth > 0 ? parent.levels + 1 : levelsOf(name);
    if (depth > 0) checkComponent(component, this.#names.length, isDirectory);
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
  const slash = component.indexOf('/');
  const plain = isDirectory ? component.slice(0, -1) : component;
  if (
    slash !== (isDirectory ? component.length - 1 : -1) ||
    plain === '' ||
    plain === '.' ||
    plain === '..'
  ) {
    throw new DamagedArchiveError('a name in its manifest is not a single component');
  }
  if (bytes - (isDirectory ? 1 : 0) > MAX_COMPONENT_BYTES)
    throw new DamagedArchiveError('a name in its manifest is too long');
}

/**
 * Returns the same number as a small integer if it is one. V8 keeps another number as a double in 16 bytes of its own; six
 * of them are a quarter of an entry's memory.
 */
function asInteger(value: number): number {
  const integer = value | 0;
  return integer === value ? integer : value;
}
