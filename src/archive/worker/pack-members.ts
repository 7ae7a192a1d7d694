import type { BigIntStats, Stats } from 'node:fs';
import type { EntryType } from '../format/entry.ts';
import type { TarMember } from '../format/tar-header.ts';
import { PackColumn, type PackJob, splitStrings } from '../threads/jobs.ts';

/** What a scan tells of a file's state, in plain numbers. */
export type PlainStatus = Pick<Stats, 'size' | 'mtimeMs' | 'ctimeMs'>;

/** The members of a job, by their index in it. */
export class PackMembers {
  readonly count: number;
  readonly #names: string[];
  readonly #paths: string[];
  readonly #linkNames: string[];
  readonly #numbers: Float64Array;

  constructor({ names, paths, linkNames, numbers }: PackJob) {
    this.count = numbers.length / PackColumn.width;
    this.#names = splitStrings(names, this.count);
    this.#paths = splitStrings(paths, this.count);
    this.#linkNames = splitStrings(linkNames, this.count);
    this.#numbers = numbers;
  }

  path(index: number): string {
    return this.#paths[index]!;
  }

  /** Whether a file that others may be linked to is none that the scan saw. */
  isReplaced(index: number, { dev, ino }: Pick<BigIntStats, 'dev' | 'ino'>): boolean {
    const seen = this.#number(index, PackColumn.ino);
    return seen !== 0 && (seen !== Number(ino) || this.#number(index, PackColumn.dev) !== Number(dev));
  }

  /** A file as the scan saw it. */
  seen(index: number): PlainStatus {
    return {
      size: this.#number(index, PackColumn.size),
      mtimeMs: this.#number(index, PackColumn.mtimeMs),
      ctimeMs: this.#number(index, PackColumn.ctimeMs),
    };
  }

  get(index: number): TarMember {
    const number = (column: number) => this.#number(index, column);
    return {
      name: this.#names[index]!,
      linkName: this.#linkNames[index]!,
      type: number(PackColumn.type) as EntryType,
      mode: number(PackColumn.mode),
      mtimeUs: number(PackColumn.mtimeUs),
      size: number(PackColumn.size),
      uid: number(PackColumn.uid),
      gid: number(PackColumn.gid),
    };
  }

  #number(index: number, column: number): number {
    return this.#numbers[index * PackColumn.width + column]!;
  }
}
