import type { FaultCase, FaultSpec } from './case.ts';
import { compareWorkspace, exitProblem, secretProblem, type TreeState, toFinding } from './checks.ts';
import type { Scene } from './scene.ts';
import { buildTreeIn, olderTree } from './trees.ts';

interface RestoreSpec extends FaultSpec {
  /** The version of the archive in the bucket after the fault, if it is another one than before. */
  readonly archive?: string;
  /** The allowed states of the tree. */
  readonly allowed: readonly TreeState[];
}

/** Restores the archive over an older tree, under a fault. */
export function restoreCase(fault: string, spec: RestoreSpec): FaultCase {
  const { short = false, gateway, limitMs } = spec;
  return { fault, phase: 'restore', short, gateway, limitMs, run: scene => runRestore(scene, spec) };
}

async function runRestore(scene: Scene, spec: RestoreSpec) {
  const archive = await scene.lab.archive();
  await scene.bucket.put(archive.name, archive.bytes);
  await buildTreeIn(scene.workspace, olderTree());
  const options = await spec.arrange(scene);
  const before = await scene.describe();
  const phase = await scene.runPhase('restore', options);
  await spec.endFault?.(scene);
  const published = await scene.lab.archive(spec.archive);

  const { state, staging, torn } = await compareWorkspace(scene, before, published.workspace);
  const hit = phase.outputs['cache-hit'] === 'true';
  const left = state === 'a mixture' && staging.length > 0 ? `${state}, staging` : (state ?? 'torn files');
  const violations = [
    scene.missedFault,
    exitProblem(phase, spec.exitCodes),
    secretProblem(scene, phase),
    torn.length > 0 ? `torn: ${torn.slice(0, 5).join(', ')}` : undefined,
    state !== undefined && !spec.allowed.includes(state)
      ? `the tree is ${state}, not ${spec.allowed.join(' or ')}:\n${phase.stdout}`
      : undefined,
    staging.length > 0 && state !== 'a mixture' ? `staging is left: ${staging.join(', ')}` : undefined,
    state === 'the cache' && !hit && phase.exitCode !== null
      ? `the cache is restored, and cache-hit is not true:\n${phase.stdout}`
      : undefined,
    hit && state !== 'the cache' ? `cache-hit is true, and the tree is ${state}` : undefined,
    ...((await spec.check?.(scene, phase)) ?? []),
  ];
  return toFinding(phase, left, violations, spec.message);
}
