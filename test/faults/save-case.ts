import type { GatewayOptions } from '../support/gateway/gateway.ts';
import type { TreeDescription } from '../support/tree.ts';
import type { FaultCase, Finding } from './case.ts';
import { badExit, brokenObjects, finding, firstDifference, leakedSecret } from './judge.ts';
import type { Phase, PhaseOptions, Scene } from './scene.ts';
import { archivedTree, buildIn } from './trees.ts';

export interface SaveSpec {
  readonly short?: boolean;
  readonly gateway?: GatewayOptions;
  readonly limitMs?: number;
  /** Builds the tree; the archived tree by default. */
  tree?(scene: Scene): Promise<unknown>;
  /** Prepares the fault. Answers what the step gets. */
  arrange(scene: Scene): PhaseOptions | undefined | Promise<PhaseOptions | undefined>;
  readonly ends: readonly ('saved' | 'not saved')[];
  readonly exits?: readonly string[];
  readonly says?: RegExp;
  /**
   * One of the exceptions: the bucket cannot be reached to abort, the answer to Create is lost, the process is
   * killed, or the gateway is killed within a Complete. Then an upload may be left, and the sweep sees to it.
   */
  readonly mayLeaveUpload?: boolean;
  /** The fault itself changes the tree: what is archived is judged by `after`. */
  readonly treeChanges?: boolean;
  mend?(scene: Scene): Promise<void>;
  after?(scene: Scene, phase: Phase): Promise<readonly string[]>;
}

/** A save of the archived tree under a fault. */
export function saveCase(fault: string, spec: SaveSpec): FaultCase {
  const { short = false, gateway, limitMs } = spec;
  return { fault, op: 'save', short, gateway, limitMs, run: scene => runSave(scene, spec) };
}

async function runSave(scene: Scene, spec: SaveSpec): Promise<Finding> {
  await (spec.tree?.(scene) ?? buildIn(scene.workspace, archivedTree()));
  const options = await spec.arrange(scene);
  const before = await scene.describe();
  const phase = await scene.phase('save', options);
  await spec.mend?.(scene);

  const objects = await scene.bucket.objects();
  const uploads = await scene.bucket.uploads();
  const end = objects.length > 0 ? 'saved' : 'not saved';
  const told = phase.lines.some(({ text }) => /^Cache saved with key: /.test(text));
  const { '.': _root, ...tree } = before;
  const violations = [
    scene.faultMissed,
    badExit(phase, spec.exits),
    leakedSecret(scene, phase),
    spec.ends.includes(end) ? undefined : `it is ${end}:\n${phase.stdout}`,
    told && end !== 'saved' ? 'it says saved, and no object is visible' : undefined,
    uploads.length > 0 && !spec.mayLeaveUpload
      ? `${uploads.length} uploads are left:\n${phase.stdout}`
      : undefined,
    await sweepProblem(scene, objects, uploads),
    ...(spec.treeChanges
      ? []
      : [await changedTree(scene, before), await brokenObjects(scene, objects, tree)]),
    ...((await spec.after?.(scene, phase)) ?? []),
  ];
  const left = `${count(objects.length, 'object')}, ${count(uploads.length, 'upload')}`;
  return finding(phase, uploads.length > 0 ? `${left} (swept)` : left, violations, spec.says);
}

/** It removes all uploads, but one that the gateway joined without removing it: that one's parts are the object's. */
async function sweepProblem(
  scene: Scene,
  objects: readonly string[],
  uploads: readonly string[],
): Promise<string | undefined> {
  if (uploads.length === 0) return undefined;
  await scene.sweep();
  const left = (await scene.bucket.uploads()).filter(name => !objects.includes(name));
  // What the gateway throws away some time after an Abort is thrown away before the objects are read
  await scene.gateway.admin(['gc', 'process', '--include-all']);
  return left.length > 0 ? `the sweep leaves ${left.length} uploads` : undefined;
}

async function changedTree(scene: Scene, before: TreeDescription): Promise<string | undefined> {
  const difference = firstDifference(await scene.describe(), before);
  return difference && `the save changed the tree: ${difference}`;
}

export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
