import * as fs from 'node:fs/promises';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { giveAway, unprivileged } from '../support/drop-privileges.ts';
import { gateway } from '../support/gateway/shared-gateway.ts';
import { posix, requires } from '../support/platform-needs.ts';
import { FaultLab } from './lab.ts';
import { KEY, Scene } from './scene.ts';
import { buildTreeIn } from './trees.ts';

/** Failures of other cache actions that no other test covers. docs/faults.md lists the tests of the rest. */
let lab: FaultLab;
let scene: Scene;

beforeAll(async () => {
  lab = await FaultLab.open(gateway());
});
afterAll(() => lab?.close());
beforeEach(async () => {
  scene = await Scene.open(lab, gateway());
});
afterEach(() => scene.close());

test('a restore-key finds the newest of more than a page of matches at any place in the listing', async () => {
  await buildTreeIn(scene.workspace, { 'a.txt': 'the newest' });
  const last = `${KEY}-zzz`;
  await scene.runPhase('save', { inputs: { key: last } });
  const [name] = await scene.bucket.objects();
  const whole = await scene.bucket.read(name!);
  await scene.bucket.delete([name!]);
  const older = Array.from({ length: 1100 }, (_, index) => name!.replace(last, `${KEY}-${1000 + index}`));
  const next = older.values();
  const putAll = async () => {
    for (const one of next) await scene.bucket.put(one, Buffer.from('older'));
  };
  await Promise.all(Array.from({ length: 8 }, putAll));
  await scene.bucket.put(name!, whole);

  const phase = await scene.runPhase('restore', { inputs: { key: 'absent', 'restore-keys': `${KEY}-` } });
  expect(phase.outputs['cache-matched-key'], phase.stdout).toBe(last);
});

test('a save of a key that exists reads no file', requires(posix), async () => {
  await buildTreeIn(scene.workspace, { 'a.txt': 'first' });
  await scene.runPhase('save');
  await giveAway(scene.workspace);
  await fs.chmod(path.join(scene.tree, 'a.txt'), 0o000);
  const phase = await scene.runPhase('save', unprivileged());
  expect(phase.stdout).toMatch(/op=save source=s3 result=exists .*requests=1 /);
  expect(phase.stdout).not.toContain('::warning::');
});
