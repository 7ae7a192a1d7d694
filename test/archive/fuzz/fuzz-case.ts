/** Restores mutants into a tree with neighbours, and checks both afterwards. */

import {
  type BigIntStats,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  DamagedArchiveError,
  TargetTreeError,
  UnusableArchiveError,
} from '../../../src/archive/archive-errors.ts';
import { fileTimes, splitMtime } from '../../../src/archive/fs/file-times.ts';
import type { PathLayout } from '../../../src/archive/fs/paths/layout.ts';
import { buildTree, type TreeSpec } from '../../support/tree.ts';
import { layoutIn, restoreBytes } from '../support/archives.ts';
import { mutant } from './mutate.ts';

/** Files around the tree, which must never change. */
const neighbours: TreeSpec = {
  'outside/x': { content: 'canary', mtime: 1_500_000_000_000_000 },
  'outside/directory': { directory: true },
  'home/x': 'canary',
  'work/treasure': 'canary',
};
const tree: TreeSpec = {
  'work/tree/file': { content: 'old', mode: 0o444, mtime: 1_500_000_000_000_000 },
  'work/tree/directory/inner': 'old',
  'work/tree/link': { symlink: '../../outside' },
  'work/tree/sealed/inner': 'old',
  'work/tree/sealed': { directory: true, mode: 0o555 },
};

interface CaseReport {
  readonly accepted: boolean;
  /** The broken promise; undefined if none was broken. */
  readonly violation: string | undefined;
}

/** A directory for any number of cases, one after the other. */
export class FuzzBench {
  readonly root: string;
  readonly #layout: PathLayout;
  #around = '';
  #before = '';

  private constructor(root: string, layout: PathLayout) {
    this.root = root;
    this.#layout = layout;
  }

  static async open(): Promise<FuzzBench> {
    const root = mkdtempSync(join(tmpdir(), 'cache-s3-fuzz-'));
    const bench = new FuzzBench(root, layoutIn(join(root, 'work'), ['tree'], join(root, 'home')));
    await bench.#rebuild();
    return bench;
  }

  close(): void {
    rmSync(this.root, { recursive: true, force: true });
  }

  async run(seed: number): Promise<CaseReport> {
    const object = mutant(seed, this.root);
    // Data comes with the manifest, or behind a read of its own
    const tailBytes = [17, 100, 1000, object.length][seed % 4]!;
    const error = await restoreBytes(object, this.#layout, { tailBytes }).then(
      () => undefined,
      error => error,
    );
    const violation = this.#judge(error);
    if (error === undefined || violation !== undefined) await this.#rebuild();
    return { accepted: error === undefined, violation: violation && `seed ${seed}: ${violation}` };
  }

  #judge(error: unknown): string | undefined {
    if (error !== undefined && !isKnown(error)) return `it ended with ${(error as Error).stack ?? error}`;
    if (describe(this.root, join(this.root, 'work/tree')) !== this.#around)
      return 'something outside changed';
    if (error !== undefined && describe(this.root) !== this.#before)
      return `it was refused (${error}), but the tree changed`;
    return undefined;
  }

  async #rebuild(): Promise<void> {
    for (const name of readdirSync(this.root))
      rmSync(join(this.root, name), { recursive: true, force: true });
    mkdirSync(join(this.root, 'work'));
    await buildTree(this.root, { ...neighbours, ...tree });
    this.#around = describe(this.root, join(this.root, 'work/tree'));
    this.#before = describe(this.root);
  }
}

/** The errors that a restore may end with. Any other is a crash. */
function isKnown(error: unknown): error is Error {
  return [DamagedArchiveError, UnusableArchiveError, TargetTreeError].some(kind => error instanceof kind);
}

/** All there is below a directory, but for `without`. Of the directory that holds that, the mtime does not count. */
function describe(directory: string, without?: string): string {
  const lines: string[] = [];
  const visit = (path: string): void => {
    if (path === without) return;
    const stats = lstatSync(path, { bigint: true });
    const holds = without?.startsWith(`${path}/`) ?? false;
    // Times are put back as far as Node can set them
    const { mtimeUs } = fileTimes.toRestored(splitMtime(stats.mtimeNs));
    lines.push(`${path} ${stats.mode} ${holds ? '' : mtimeUs} ${contentOf(path, stats)}`);
    if (stats.isDirectory()) for (const name of readdirSync(path).sort()) visit(join(path, name));
  };
  visit(directory);
  return lines.join('\n');
}

function contentOf(path: string, stats: BigIntStats): string {
  if (stats.isSymbolicLink()) return readlinkSync(path);
  return stats.isFile() ? readFileSync(path, 'latin1') : '';
}
