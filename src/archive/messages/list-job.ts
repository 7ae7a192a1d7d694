import { type FileStatus, ModeStatus } from '../fs/file-status.ts';
import type { Mtime } from '../fs/file-times.ts';
import { type RowStatus, StatusRows } from '../fs/status-rows.ts';

/** A job that reads directories and the status of the items in them, and then some of the directories among these items. */
export interface ListJob {
  readonly kind: 'list';
  /** Absolute paths. */
  readonly directories: string;
  /** Whether the status has times in ns and full inode numbers. */
  readonly exact: boolean;
}

export interface ListResult {
  /** Number of the job's first directories that were read or could not be read. The main thread sends the others again. */
  readonly reached: number;
  /** The path of each directory that could be read, and the names in it in the order of an archive. */
  readonly texts: string;
  /** Number of names in each of these directories. */
  readonly counts: Float64Array<ArrayBuffer>;
  /** A row of `WIDTH` numbers for each name. */
  readonly rows: Float64Array<ArrayBuffer>;
  /** The exact status of each name (`StatusRows`), if the job is `exact`. */
  readonly status: BigInt64Array<ArrayBuffer> | undefined;
}

/** Numbers of a row: mode, nlink, uid, gid, size, mtime and ctime in ms, and both parts of the exact mtime. */
const WIDTH = 9;
/** Values in a row if the mtime is unknown: in a job that is not `exact`, the mtime of a file with data is read with the data. */
const UNKNOWN_MTIME: Mtime = { mtimeUs: -1, mtimeRestNs: 0 };

export function encodeListJob(directories: readonly string[], exact: boolean): ListJob {
  return { kind: 'list', directories: directories.join('\0'), exact };
}

/** Reads the directories of a job. */
export function directoriesToList({ directories }: ListJob): string[] {
  return directories.split('\0');
}

/** An item of a directory. `mtime` is the exact one, if it is known. */
interface ListedItem {
  readonly name: string;
  readonly stats: FileStatus;
  readonly mtime: Mtime | undefined;
}

/** Writes a result. */
export class ListingWriter {
  readonly #texts: string[] = [];
  readonly #counts: number[] = [];
  readonly #rows: number[] = [];
  #status: StatusRows | undefined;
  /** Number of names in all listings. */
  names = 0;

  constructor({ exact }: Pick<ListJob, 'exact'>) {
    if (exact) this.#status = StatusRows.of(1024);
  }

  /** Adds a directory with its items. */
  add(path: string, items: readonly ListedItem[]): void {
    this.#texts.push(path);
    this.#counts.push(items.length);
    for (const { name, stats, mtime } of items) {
      const { mode, nlink, uid, gid, size, mtimeMs, ctimeMs } = stats;
      const { mtimeUs, mtimeRestNs } = mtime ?? UNKNOWN_MTIME;
      this.#rows.push(mode, nlink, uid, gid, size, mtimeMs, ctimeMs, mtimeUs, mtimeRestNs);
      if (this.names === this.#status?.length) this.#status = this.#status.copyFirst(2 * this.names);
      if (stats.exact) this.#status?.set(this.names, stats.exact);
      this.#texts.push(name);
      this.names++;
    }
  }

  finish(reached: number): ListResult {
    return {
      reached,
      texts: this.#texts.join('\0'),
      counts: Float64Array.from(this.#counts),
      rows: Float64Array.from(this.#rows),
      status: this.#status?.copyFirst(this.names).values,
    };
  }
}

/** The items of one directory. */
export interface Listing {
  readonly names: readonly string[];
  statusOf(index: number): FileStatus;
}

/** Yields the path and listing of each directory in a result. */
export function* readListings({ texts, counts, rows, status }: ListResult): Generator<[string, Listing]> {
  const all = texts.split('\0');
  const exact = status && new StatusRows(status);
  let text = 0;
  let row = 0;
  for (const count of counts) {
    const [path, first] = [all[text]!, row];
    const names = all.slice(text + 1, text + 1 + count);
    text += 1 + count;
    row += count;
    yield [path, { names, statusOf: index => new ListedStatus(rows, first + index, exact) }];
  }
}

class ListedStatus extends ModeStatus implements FileStatus {
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly exactMtime: Mtime | undefined;
  readonly exact: RowStatus | undefined;

  constructor(rows: Float64Array, name: number, exact: StatusRows | undefined) {
    super();
    let at = name * WIDTH;
    this.exact = exact?.at(name);
    this.mode = rows[at++]!;
    this.nlink = rows[at++]!;
    this.uid = rows[at++]!;
    this.gid = rows[at++]!;
    this.size = rows[at++]!;
    this.mtimeMs = rows[at++]!;
    this.ctimeMs = rows[at++]!;
    const mtimeUs = rows[at++]!;
    this.exactMtime = mtimeUs < 0 ? undefined : { mtimeUs, mtimeRestNs: rows[at]! };
  }
}
