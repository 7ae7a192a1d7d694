/** Checks of the state after a phase. Each returns a sentence if a promise is broken, and undefined if not. */

import * as fs from 'node:fs/promises';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { TOKEN_SERVICE_KEY } from '../support/servers/token-service.ts';
import { checkTar } from '../support/tar/check-tar.ts';
import { describeTree, type TreeDescription, type TreeEntry, treeDifferences } from '../support/tree.ts';
import { exitOf, type Finding, visibleLines } from './case.ts';
import type { PhaseResult } from './phase-runner.ts';
import type { Scene } from './scene.ts';
import { overlay } from './trees.ts';

/** A cancelled step has ended by then. */
const END_MS = 5_000;
const STAGING = /(?:^|\/)\.cache-s3-[^/]*$/;

/** The state of a tree after a restore. */
export type TreeState =
  /** Byte for byte as before. */
  | 'unchanged'
  /** The cache, over the earlier tree. */
  | 'the cache'
  /** Each file is whole and one of the two, and staging may remain. Only a kill may leave this. */
  | 'a mixture';

/** Makes the finding of a phase. `violations` are its checks, `message` is the line that it must print. */
export function toFinding(
  phase: PhaseResult,
  left: string,
  violations: readonly (string | undefined)[],
  message: RegExp | undefined,
): Finding {
  const printed = message === undefined || phase.lines.some(({ text }) => message.test(text));
  const all = [
    phase.hung ? 'it hung' : undefined,
    printed ? undefined : `it does not print ${message}:\n${phase.stdout}`,
    ...violations,
  ];
  return {
    messages: visibleLines(phase),
    ms: phase.ms,
    exit: exitOf(phase),
    left,
    violations: all.filter(one => one !== undefined),
    late: lateEnd(phase),
  };
}

function lateEnd({ afterSignalMs }: PhaseResult): readonly string[] {
  if (afterSignalMs === undefined || afterSignalMs <= END_MS) return [];
  return [`it ended ${Math.round(afterSignalMs)} ms after the signal`];
}

export function exitProblem(phase: PhaseResult, allowed: readonly string[] = ['0']): string | undefined {
  const exit = exitOf(phase);
  return allowed.includes(exit) ? undefined : `exit ${exit}, not ${allowed.join(' or ')}:\n${phase.stdout}`;
}

/**
 * Searches for secrets in the output, the exported variables and the state of a phase: the secret key, every value that the
 * phase has masked (the token and the keys of a role), all that has the form of a token, and the key of the token service.
 */
export function secretProblem(
  { gateway }: { readonly gateway: { readonly secretKey: string } },
  phase: Pick<PhaseResult, 'stdout' | 'outputs' | 'state' | 'env' | 'summary' | 'masks'>,
): string | undefined {
  const written = JSON.stringify([phase.stdout, phase.outputs, phase.state, phase.env, phase.summary]);
  const secrets = [gateway.secretKey, TOKEN_SERVICE_KEY, 'eyJ', ...phase.masks].filter(one => one !== '');
  return secrets.some(one => written.includes(one)) ? 'a secret is in the output' : undefined;
}

interface WorkspaceState {
  /** Undefined if a file is torn. */
  readonly state: TreeState | undefined;
  readonly staging: readonly string[];
  readonly torn: readonly string[];
}

/** Compares the workspace with its earlier state and with the cache over it. */
export async function compareWorkspace(
  scene: Scene,
  before: TreeDescription,
  cache: TreeDescription,
): Promise<WorkspaceState> {
  const now = await scene.describe();
  const staging = Object.keys(now).filter(name => STAGING.test(name));
  if (isDeepStrictEqual(now, before)) return { state: 'unchanged', staging, torn: [] };
  const { '.': _now, ...inside } = now;
  const { '.': _before, ...insideBefore } = before;
  const restored = overlay(insideBefore, cache);
  if (isDeepStrictEqual(inside, restored)) return { state: 'the cache', staging, torn: [] };
  const torn = Object.entries(inside)
    .filter(([name]) => !staging.some(at => name.startsWith(at)))
    .filter(([name, entry]) => !isWhole(entry, insideBefore[name]) && !isWhole(entry, restored[name]))
    .map(([name]) => name);
  return { state: torn.length === 0 ? 'a mixture' : undefined, staging, torn };
}

function isWhole(entry: TreeEntry, expected: TreeEntry | undefined): boolean {
  if (expected?.type !== entry.type) return false;
  // The time of a directory changes while it is filled
  if (entry.type === 'directory') return true;
  // A second name may be published or not
  const { names: _names, ...own } = entry;
  const { names: _others, ...wanted } = expected;
  return isDeepStrictEqual(own, wanted);
}

/** Checks that the visible object, if any, is a sound tar of the scene's tree and restores to it. */
export async function objectProblem(
  scene: Scene,
  objects: readonly string[],
  expected: TreeDescription,
): Promise<string | undefined> {
  if (objects.length === 0) return undefined;
  if (objects.length > 1) return `${objects.length} objects are visible: ${objects.join(', ')}`;
  try {
    await checkTar(await scene.bucket.read(objects[0]!));
  } catch (error) {
    return `the visible object is not a sound tar: ${(error as Error).message}`;
  }
  const elsewhere = await restoreElsewhere(scene);
  if (elsewhere.phase.outputs['cache-hit'] !== 'true')
    return `the visible object cannot be restored:\n${elsewhere.phase.stdout}`;
  const [difference] = treeDifferences(elsewhere.tree, expected);
  return difference && `the visible object is not the tree that was saved: ${difference}`;
}

let elsewheres = 0;

/** Restores the scene's key to an empty workspace, without the proxy. */
export async function restoreElsewhere(scene: Scene): Promise<{ phase: PhaseResult; tree: TreeDescription }> {
  const workspace = path.join(scene.root, `elsewhere-${elsewheres++}`);
  await fs.mkdir(workspace);
  const phase = await scene.runPhase('restore', { workspace, inputs: scene.directInputs });
  return { phase, tree: await describeTree(workspace) };
}
