/** What a phase left behind, and whether that is allowed. */

import * as fs from 'node:fs/promises';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { checkTar } from '../support/tar/check-tar.ts';
import { describeTree, type TreeDescription, type TreeEntry, treeDifferences } from '../support/tree.ts';
import { exitOf, type Finding, visibleLines } from './case.ts';
import type { Phase, Scene } from './scene.ts';
import { overlaid } from './trees.ts';

/** A cancelled step has ended by then. */
const END_MS = 5_000;
const STAGING = /(?:^|\/)\.cache-s3-[^/]*$/;

/** How a tree may look after a restore. */
export type TreeState =
  /** Byte for byte what it was. */
  | 'as before'
  /** The cache, over what was there. */
  | 'the cache'
  /** Each file is one of the two, whole; staging may be there. Only a kill may leave this. */
  | 'a mixture';

/** A phase as a row: `allowed` are the ways in which it may end, `says` what the user must be told. */
export function finding(
  phase: Phase,
  left: string,
  violations: readonly (string | undefined)[],
  says: RegExp | undefined,
): Finding {
  const heard = visibleLines(phase);
  const told =
    says === undefined || phase.lines.some(({ text }) => says.test(text))
      ? undefined
      : `the user is not told ${says}:\n${phase.stdout}`;
  return {
    says: heard,
    ms: phase.ms,
    exit: exitOf(phase),
    left,
    violations: [phase.hung ? 'it hung' : undefined, told, ...violations].filter(one => one !== undefined),
    late: slowEnd(phase),
  };
}

function slowEnd({ afterSignalMs }: Phase): readonly string[] {
  if (afterSignalMs === undefined || afterSignalMs <= END_MS) return [];
  return [`it ended ${Math.round(afterSignalMs)} ms after the signal`];
}

/** An exit code or signal that is not among `wanted` (`0` unless the user asked for something else). */
export function badExit(phase: Phase, wanted: readonly string[] = ['0']): string | undefined {
  const exit = exitOf(phase);
  return wanted.includes(exit) ? undefined : `exit ${exit}, not ${wanted.join(' or ')}:\n${phase.stdout}`;
}

/** A secret in what a phase printed, exported or left as state. */
export function leakedSecret(scene: Scene, phase: Phase): string | undefined {
  const told = JSON.stringify([phase.stdout, phase.outputs, phase.state, phase.env, phase.summary]);
  return told.includes(scene.gateway.secretKey) ? 'the secret key is in the output' : undefined;
}

/** Compares the workspace with what it was and with what it should be. */
export async function judgeTree(
  scene: Scene,
  before: TreeDescription,
  cache: TreeDescription,
): Promise<{ state: TreeState | undefined; staging: readonly string[]; torn: readonly string[] }> {
  const now = await scene.describe();
  const staging = Object.keys(now).filter(name => STAGING.test(name));
  if (isDeepStrictEqual(now, before)) return { state: 'as before', staging, torn: [] };
  const { '.': _now, ...inside } = now;
  const { '.': _before, ...insideBefore } = before;
  const wanted = overlaid(insideBefore, cache);
  if (isDeepStrictEqual(inside, wanted)) return { state: 'the cache', staging, torn: [] };
  const torn = Object.entries(inside)
    .filter(([name]) => !staging.some(at => name.startsWith(at)))
    .filter(([name, entry]) => !isWholeOf(entry, insideBefore[name]) && !isWholeOf(entry, wanted[name]))
    .map(([name]) => name);
  return { state: torn.length === 0 ? 'a mixture' : undefined, staging, torn };
}

/** Directories change their times while they are filled; a file or link is the one or the other, whole. */
function isWholeOf(entry: TreeEntry, expected: TreeEntry | undefined): boolean {
  if (expected?.type !== entry.type) return false;
  if (entry.type === 'directory') return true;
  // A second name may have been published or not
  const { names: _names, ...own } = entry;
  const { names: _others, ...wanted } = expected;
  return isDeepStrictEqual(own, wanted);
}

/**
 * Whether every visible object is a whole archive of the scene's tree: another reader of tar finds no fault in it, and
 * it is restored elsewhere, past the proxy.
 */
export async function brokenObjects(
  scene: Scene,
  objects: readonly string[],
  expected: TreeDescription,
): Promise<string | undefined> {
  if (objects.length === 0) return undefined;
  if (objects.length > 1) return `${objects.length} objects are visible: ${objects.join(', ')}`;
  try {
    await checkTar(await scene.bucket.read(objects[0]!));
  } catch (error) {
    return `the visible object is no sound tar: ${(error as Error).message}`;
  }
  const elsewhere = await restoreElsewhere(scene);
  if (elsewhere.phase.outputs['cache-hit'] !== 'true')
    return `the visible object cannot be restored:\n${elsewhere.phase.stdout}`;
  const difference = firstDifference(elsewhere.tree, expected);
  return difference && `the visible object is not the tree that was saved: ${difference}`;
}

let elsewheres = 0;

/** Restores the scene's key into an empty workspace, past the proxy. */
export async function restoreElsewhere(scene: Scene): Promise<{ phase: Phase; tree: TreeDescription }> {
  const workspace = path.join(scene.root, `elsewhere-${elsewheres++}`);
  await fs.mkdir(workspace);
  const phase = await scene.phase('restore', { workspace, inputs: scene.directInputs });
  return { phase, tree: await describeTree(workspace) };
}

/** Returns the first difference of two trees. Returns undefined if they are equal. */
export function firstDifference(actual: TreeDescription, expected: TreeDescription): string | undefined {
  return treeDifferences(actual, expected)[0];
}
