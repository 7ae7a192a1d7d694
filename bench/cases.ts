import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { writeBinaries } from './data/binaries.ts';
import { readCorpus } from './data/corpus.ts';
import { type DataSet, dataSet } from './data/data-set.ts';
import { writeIncompressible } from './data/incompressible.ts';
import { writeSmallFiles } from './data/small-files.ts';
import { lockDigest, nodeModules } from './data/sources.ts';
import type { CaseLetter, Phase } from './options.ts';

/** A tree, or none, with the phases to measure. */
export interface Case {
  readonly letter: CaseLetter;
  readonly title: string;
  /** Returns the tree, from the cache directory if it was generated before. Undefined if nothing is saved. */
  readonly data: ((cacheDirectory: string) => Promise<DataSet>) | undefined;
  readonly phases: readonly Phase[];
  /** The key of the restore. The tree was saved under `savedAs`. */
  readonly key: string;
  readonly restoreKeys: readonly string[];
  readonly savedAs: string;
  /** The allowed results of a restore. */
  readonly results: readonly string[];
  /** The number of other, older objects under the restore-key. */
  readonly decoys: number;
  /** Set if only the start-up counts: such a case is compared with an empty program too, and measured more often. */
  readonly tiny: boolean;
}

const both = ['save', 'restore'] as const;
const whole = { phases: both, key: 'warm', restoreKeys: [], savedAs: 'warm', results: ['hit'], decoys: 0 };
const seed = 20_240_229;

/** Returns the six cases, small ones if `quick`. */
export function benchCases(quick: boolean): readonly Case[] {
  const small = quick ? { files: 5_000, bytes: 50e6, seed } : { files: 111_060, bytes: 1.1e9, seed };
  const large = quick ? { files: 150, bytes: 220e6, seed } : { files: 2_092, bytes: 830e6, seed };
  const random = quick ? 64e6 : 2e9;
  return [
    {
      ...whole,
      letter: 'a',
      title: `${small.files} small files, ${small.bytes / 1e6} MB, like a node_modules`,
      data: cache =>
        dataSet(cache, `a-${small.files}-${small.bytes}-${lockDigest()}`, root =>
          writeSmallFiles(root, readCorpus(nodeModules), small),
        ),
      tiny: false,
    },
    {
      ...whole,
      letter: 'b',
      title: `${large.files} programs and libraries, ${large.bytes / 1e6} MB, like a toolchain`,
      data: cache =>
        dataSet(cache, `b-${large.files}-${large.bytes}`, root =>
          writeBinaries(root, process.execPath, large),
        ),
      tiny: false,
    },
    {
      ...whole,
      letter: 'c',
      title: `one incompressible file of ${random / 1e6} MB`,
      data: cache => dataSet(cache, `c-${random}`, root => oneFile(root, random)),
      tiny: false,
    },
    {
      ...whole,
      letter: 'd',
      title: 'a miss, with a key and two restore-keys',
      data: undefined,
      phases: ['restore'],
      key: 'nothing-of-the-kind',
      restoreKeys: ['nothing-of-the-', 'nothing-'],
      results: ['miss'],
      tiny: true,
    },
    {
      ...whole,
      letter: 'e',
      title: 'a hit on a cache of 1 KB',
      data: cache => dataSet(cache, 'e-1024', root => oneFile(root, 1024)),
      phases: ['restore'],
      tiny: true,
    },
    {
      ...whole,
      letter: 'f',
      title: `a restore-key among ${quick ? 1_000 : 10_000} objects`,
      data: cache => dataSet(cache, 'e-1024', root => oneFile(root, 1024)),
      phases: ['restore'],
      key: 'nothing-of-the-kind',
      restoreKeys: ['many-'],
      savedAs: 'many-newest',
      results: ['partial', 'hit'],
      decoys: (quick ? 1_000 : 10_000) - 1,
      tiny: true,
    },
  ];
}

function oneFile(root: string, bytes: number): void {
  mkdirSync(root, { recursive: true });
  writeIncompressible(path.join(root, 'data'), bytes, seed);
}
