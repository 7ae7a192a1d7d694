import * as fs from 'node:fs';
import { expect } from 'vitest';
import { fileTimes, splitMtime } from '../../../src/archive/fs/file-times.ts';
import type { SaveOutcome } from '../../../src/storage/outcomes.ts';
import { isRoot } from '../../support/drop-privileges.ts';
import { untar } from '../../support/tar/untar.ts';
import { buildTree, describeTree, type TreeDescription, type TreeSpec } from '../../support/tree.ts';
import type { CacheJob } from './job.ts';
import { ballast, jobsOf, packedBy } from './jobs.ts';

const isLinux = process.platform === 'linux';

/** The time that npm gives every file, in microseconds. */
export const npmTime = 499_162_500_000_000;

interface SavedAgain {
  readonly outcome: SaveOutcome;
  /** Whether the save was incremental. */
  readonly isIncremental: boolean;
  /** The files with data that it packed. */
  readonly packed: readonly string[];
  readonly job: CacheJob;
}

/**
 * Saves a tree; then, for each edit, restores it, edits it and saves it again. Checks that both a restore and
 * `zstd -dc | tar xf -` give the tree that was saved.
 */
export async function saveAgain(
  spec: TreeSpec,
  ...edits: ((tree: string) => unknown)[]
): Promise<SavedAgain> {
  return saveAgainAfter({ savesLater: false }, spec, edits);
}

/**
 * As `saveAgain`, with the hashes of contents that the main phase records. The tar has the content of the tree, and old
 * attributes of touched files.
 */
export function saveTouched(spec: TreeSpec, ...edits: ((tree: string) => unknown)[]): Promise<SavedAgain> {
  return saveAgainAfter({ savesLater: true }, spec, edits);
}

async function saveAgainAfter(
  restore: { readonly savesLater: boolean },
  spec: TreeSpec,
  edits: readonly ((tree: string) => unknown)[],
): Promise<SavedAgain> {
  const { job } = jobsOf();
  const first = job();
  await buildTree(first.workspace, { ...ballast, ...spec });
  expect(await first.saveInFull('k-0')).toMatchObject({ kind: 'saved', reusedBytes: 0 });
  let again: SavedAgain | undefined;
  for (const [index, edit] of edits.entries()) {
    const [key, baseKey] = [`k-${index + 1}`, `k-${index}`];
    const next = job();
    await next.restore('none', { restoreKeys: [baseKey], ...restore });
    await edit(`${next.workspace}/tree`);
    const saved = await describeTree(next.workspace, { owners: isRoot });
    const outcome = await next.save(key);
    expect(outcome.kind).toBe('saved');
    const isIncremental = outcome.kind === 'saved' && outcome.reusedBytes > 0;
    again = {
      outcome,
      isIncremental,
      packed: isIncremental ? await packedBy(next, key, baseKey) : [],
      job: next,
    };
    const reader = job();
    await reader.restore(key);
    expect(await describeTree(reader.workspace, { owners: isRoot })).toEqual(saved);
    if (isLinux) {
      const { workspace } = job();
      untar(await next.read(key), workspace);
      const byTar = await describeTree(workspace, { owners: isRoot });
      if (restore.savesLater) expect(contentOf(byTar)).toMatchObject(contentOf(saved));
      else expect(byTar).toMatchObject(saved);
    }
  }
  return again!;
}

/** Writes to a file and sets its old time, to the nanosecond, as `rsync --inplace --times` does. */
export function rewriteInPlace(file: string, content: string): void {
  const { mtimeNs } = fs.lstatSync(file, { bigint: true });
  fs.writeFileSync(file, content);
  const seconds = fileTimes.toSeconds(splitMtime(mtimeNs));
  fs.utimesSync(file, seconds, seconds);
  expect(fs.lstatSync(file, { bigint: true }).mtimeNs).toBe(mtimeNs);
}

/** Returns a tree without the attributes that a tar has from the time when a file's data was packed. */
export function contentOf(tree: TreeDescription): object {
  return Object.fromEntries(
    Object.entries(tree).map(([name, { type, size, sha256, target, names }]) => [
      name,
      { type, size, sha256, target, names },
    ]),
  );
}
