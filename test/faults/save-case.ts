import { type TreeDescription, treeDifferences } from '../support/tree.ts';
import type { FaultCase, FaultSpec, Finding } from './case.ts';
import { exitProblem, objectProblem, secretProblem, toFinding } from './checks.ts';
import type { Scene } from './scene.ts';
import { archivedTree, buildTreeIn } from './trees.ts';

interface SaveSpec extends FaultSpec {
  /** Builds the tree; the archived tree by default. */
  tree?(scene: Scene): Promise<unknown>;
  readonly allowed: readonly ('saved' | 'not saved')[];
  /**
   * Set for the exceptions in which an upload may be left for the sweep: the bucket cannot be reached to abort it, the
   * response to CreateMultipartUpload is lost, the process is killed, or the gateway is killed during Complete.
   */
  readonly mayLeaveUpload?: boolean;
  /** The fault changes the tree: `check` decides about the archive. */
  readonly treeChanges?: boolean;
}

/** Saves the archived tree, under a fault. */
export function saveCase(fault: string, spec: SaveSpec): FaultCase {
  const { short = false, gateway, limitMs } = spec;
  return { fault, phase: 'save', short, gateway, limitMs, run: scene => runSave(scene, spec) };
}

async function runSave(scene: Scene, spec: SaveSpec): Promise<Finding> {
  await (spec.tree?.(scene) ?? buildTreeIn(scene.workspace, archivedTree()));
  const options = await spec.arrange(scene);
  const before = await scene.describe();
  const phase = await scene.runPhase('save', options);
  await spec.endFault?.(scene);

  const objects = await scene.bucket.objects();
  const uploads = await scene.bucket.uploads();
  const end = objects.length > 0 ? 'saved' : 'not saved';
  const reported = phase.lines.some(({ text }) => /^Cache saved with key: /.test(text));
  const { '.': _root, ...tree } = before;
  const violations = [
    scene.missedFault,
    exitProblem(phase, spec.exitCodes),
    secretProblem(scene, phase),
    spec.allowed.includes(end) ? undefined : `it is ${end}:\n${phase.stdout}`,
    reported && end !== 'saved' ? 'it reports a save, and no object is visible' : undefined,
    uploads.length > 0 && !spec.mayLeaveUpload
      ? `${count(uploads.length, 'upload')} left:\n${phase.stdout}`
      : undefined,
    await sweepProblem(scene, objects, uploads),
    ...(spec.treeChanges
      ? []
      : [await treeProblem(scene, before), await objectProblem(scene, objects, tree)]),
    ...((await spec.check?.(scene, phase)) ?? []),
  ];
  const left = `${count(objects.length, 'object')}, ${count(uploads.length, 'upload')}`;
  return toFinding(phase, uploads.length > 0 ? `${left} (swept)` : left, violations, spec.message);
}

/**
 * Checks that the sweep aborts all uploads but one: that of a visible object, which the gateway completed without removing
 * its upload. The parts of such an upload are the object's.
 */
async function sweepProblem(
  scene: Scene,
  objects: readonly string[],
  uploads: readonly string[],
): Promise<string | undefined> {
  if (uploads.length === 0) return undefined;
  await scene.sweep();
  const left = (await scene.bucket.uploads()).filter(name => !objects.includes(name));
  // The gateway deletes the parts of an aborted upload later: now, before the objects are read
  await scene.gateway.admin(['gc', 'process', '--include-all']);
  return left.length > 0 ? `${count(left.length, 'upload')} left after the sweep` : undefined;
}

async function treeProblem(scene: Scene, before: TreeDescription): Promise<string | undefined> {
  const [difference] = treeDifferences(await scene.describe(), before);
  return difference && `the save changed the tree: ${difference}`;
}

export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
