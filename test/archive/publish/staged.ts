/** Prepares restores that are stopped between staging and commit. */

import { writeFileSync } from 'node:fs';
import { type Entry, EntryType } from '../../../src/archive/format/entry.ts';
import { RestoredLinks } from '../../../src/archive/fs/links/restored-links.ts';
import type { PathLayout } from '../../../src/archive/fs/paths/layout.ts';
import type { Platform } from '../../../src/archive/fs/platform.ts';
import { RefusedAttributes } from '../../../src/archive/fs/refused-attributes.ts';
import { commit } from '../../../src/archive/publish/commit/commit.ts';
import { planTarget } from '../../../src/archive/publish/plan/plan-target.ts';
import type { StagedFiles, TargetPlan } from '../../../src/archive/publish/plan/target-plan.ts';
import { Stage } from '../../../src/archive/publish/stage.ts';
import { StagedLinks } from '../../../src/archive/publish/staged-links.ts';
import { unpack } from '../../../src/archive/restore/unpack.ts';
import { InlineRunner } from '../../../src/archive/worker/worker.ts';
import { scratch } from '../../support/scratch.ts';
import { openWhole } from '../../support/tar/check-tar.ts';
import { buildTree, describeTree, type TreeDescription, type TreeSpec } from '../../support/tree.ts';
import { layoutIn, packTree } from '../support/archives.ts';
import { usePlatform } from '../support/platform.ts';

interface Staged {
  readonly to: string;
  readonly plan: TargetPlan;
  readonly entries: readonly Entry[];
  readonly refused: RefusedAttributes;
  readonly expected: TreeDescription;
  /** The tree before the restore. */
  readonly before: TreeDescription;
  publish(signal?: AbortSignal): Promise<unknown>;
  stagedAt(name: string): string;
}

interface StageOptions {
  /** Returns whether an entry is restored. Default: all are. */
  readonly isWanted?: (entry: number) => boolean;
  /** Called between the plan and the creation of staging. */
  readonly onPlanned?: () => void;
  /** Writes the files of the archive to staging. */
  readonly writeFiles: (files: StagedFiles, refused: RefusedAttributes) => unknown;
}

/** Runs a restore of these entries up to its commit. */
async function stageEntries(
  entries: readonly Entry[],
  layout: PathLayout,
  { isWanted = () => true, onPlanned, writeFiles }: StageOptions,
) {
  const plan = await planTarget(entries, {
    layout,
    restoredLinks: new RestoredLinks(),
    isWanted,
    runLabel: '42-00c0ffee',
  });
  onPlanned?.();
  const refused = new RefusedAttributes();
  const stage = new Stage(plan, new InlineRunner(), refused);
  await stage.open();
  await writeFiles(stage.files, refused);
  await new StagedLinks(plan, layout, refused).make();
  await stage.finishDirectories();
  stage.close();
  const publish = (signal = new AbortController().signal) => commit(plan, layout, refused, signal);
  return { plan, refused, publish };
}

/** Runs a restore of an object, which is in memory as a whole, into `to` up to its commit. */
export async function stageObject(
  object: Buffer,
  to: string,
  options: { readonly isWanted?: (name: string) => boolean; readonly onPlanned?: () => void } = {},
) {
  const archive = await openWhole(object);
  const { entries } = archive.manifest;
  const isWanted = (index: number) => options.isWanted?.(entries[index]!.name) ?? true;
  const read = () => Promise.reject(new Error('all is in the tail'));
  const writeFiles = (files: StagedFiles, refused: RefusedAttributes) =>
    unpack({ archive, read, runner: new InlineRunner(), refused, isWanted, staged: Promise.resolve(files) });
  return { entries, ...(await stageEntries(entries, layoutIn(to), { ...options, isWanted, writeFiles })) };
}

/** Runs a restore of `archived` over `present` up to its commit, so that a test can act as another job in between. */
export async function staged(
  archived: TreeSpec,
  present: TreeSpec,
  platform: Partial<Platform> = {},
  to = scratch(),
): Promise<Staged> {
  const from = await buildTree(scratch(), archived);
  const { object } = await packTree(layoutIn(from));
  await buildTree(to, present);
  const before = await visible(to);
  const { plan, entries, refused, publish } = await stageObject(object, to, {
    onPlanned: () => usePlatform(platform),
  });
  return {
    to,
    plan,
    entries,
    refused,
    expected: await describeTree(from),
    before,
    publish,
    stagedAt: name => {
      const index = entries.findIndex(entry => entry.name === name);
      return plan.staged.at(index) || plan.fresh.find(({ entry }) => entry === index)!.path;
    },
  };
}

/** Runs a restore of these entries up to its commit, with empty files. Returns the commit. */
export async function stagedEntries(to: string, patterns: readonly string[], entries: readonly Entry[]) {
  const { publish } = await stageEntries(entries, layoutIn(to, patterns), {
    writeFiles: ({ paths }) => {
      entries.forEach(({ type }, index) => {
        if (type === EntryType.file) writeFileSync(paths.at(index), '');
      });
    },
  });
  return () => publish();
}

/** Describes the tree without staging. */
export async function visible(to: string): Promise<TreeDescription> {
  const tree = await describeTree(to, { root: true });
  return Object.fromEntries(Object.entries(tree).filter(([name]) => !name.includes('.cache-s3-')));
}

export const leftovers = (tree: object) => Object.keys(tree).filter(name => name.includes('.cache-s3-'));
