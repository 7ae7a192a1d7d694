import type { GatewayOptions } from '../support/gateway/gateway.ts';
import type { FaultCase } from './case.ts';
import { badExit, finding, judgeTree, leakedSecret, type TreeState } from './judge.ts';
import type { Phase, PhaseOptions, Scene } from './scene.ts';
import { buildIn, olderTree } from './trees.ts';

export interface RestoreSpec {
  readonly short?: boolean;
  readonly gateway?: GatewayOptions;
  readonly limitMs?: number;
  /** Prepares the fault. The archive is in the bucket and an older tree in the workspace. Answers what the step gets. */
  arrange(scene: Scene): PhaseOptions | undefined | Promise<PhaseOptions | undefined>;
  /** The version of the archive that stands in the bucket at the end; the same as at the beginning by default. */
  readonly archive?: string;
  /** How the tree may look. */
  readonly ends: readonly TreeState[];
  /** Exit codes and signals, `0` by default. */
  readonly exits?: readonly string[];
  readonly says?: RegExp;
  /** Ends what still stands in the way of a look at the result. */
  mend?(scene: Scene): Promise<void>;
  /** Further promises. Answers sentences for those that are broken. */
  after?(scene: Scene, phase: Phase): Promise<readonly string[]>;
}

/** A restore of the archive over an older tree, under a fault. */
export function restoreCase(fault: string, spec: RestoreSpec): FaultCase {
  const { short = false, gateway, limitMs } = spec;
  return { fault, op: 'restore', short, gateway, limitMs, run: scene => runRestore(scene, spec) };
}

async function runRestore(scene: Scene, spec: RestoreSpec) {
  const archive = await scene.lab.archive();
  await scene.bucket.put(archive.name, archive.bytes);
  await buildIn(scene.workspace, olderTree());
  const options = await spec.arrange(scene);
  const before = await scene.describe();
  const phase = await scene.phase('restore', options);
  await spec.mend?.(scene);
  const published = await scene.lab.archive(spec.archive);

  const { state, staging, torn } = await judgeTree(scene, before, published.workspace);
  const hit = phase.outputs['cache-hit'] === 'true';
  const left = state === 'a mixture' && staging.length > 0 ? `${state}, staging` : (state ?? 'torn files');
  const violations = [
    scene.faultMissed,
    badExit(phase, spec.exits),
    leakedSecret(scene, phase),
    torn.length > 0 ? `torn: ${torn.slice(0, 5).join(', ')}` : undefined,
    state !== undefined && !spec.ends.includes(state)
      ? `the tree is ${state}, not ${spec.ends.join(' or ')}:\n${phase.stdout}`
      : undefined,
    staging.length > 0 && state !== 'a mixture' ? `staging is left: ${staging.join(', ')}` : undefined,
    state === 'the cache' && !hit && phase.exitCode !== null
      ? `the cache is there, and nobody is told:\n${phase.stdout}`
      : undefined,
    hit && state !== 'the cache' ? `cache-hit is true, and the tree is ${state}` : undefined,
    ...((await spec.after?.(scene, phase)) ?? []),
  ];
  return finding(phase, left, violations, spec.says);
}
