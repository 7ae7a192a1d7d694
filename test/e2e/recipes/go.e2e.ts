import { rm } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { giveAway } from '../../support/drop-privileges.ts';
import { mainOf, postOf, warningsOf } from '../../support/runner/results.ts';
import { closedEndpoint } from '../../support/servers/listen.ts';
import { buildTree, describeTree } from '../../support/tree.ts';
import { describeWithGateway, type Machine, useLab } from '../support/lab.ts';
import { runRecipe } from '../support/recipe.ts';
import { go } from '../support/toolchains.ts';

const lab = useLab();
const tools = { go };

async function checkout(machine: Machine, sums = 'lib v1.2.0') {
  await buildTree(machine.workspace, { 'go.sum': sums });
  await giveAway(machine.workspace);
  return machine;
}

const run = (machine: Machine, endpoint?: string) =>
  runRecipe(lab, 'go', { machine, tools, ...(endpoint && { endpoint }) });

/** Describes both caches of a machine. */
const caches = async ({ home }: Machine) => ({
  modules: await describeTree(path.join(home, 'go/pkg/mod')),
  objects: await describeTree(path.join(home, '.cache/go-build')),
});

describeWithGateway('recipe: Go', () => {
  it('a job that fails saves its downloads and compiled objects', async () => {
    const failing = await checkout(lab.machine);
    await buildTree(failing.workspace, { fail: '' });
    const first = await run(failing);
    expect(first.conclusion).toBe('failure');
    expect(mainOf(first, 'build').log).toContain('downloading');
    expect(postOf(first, 'cache').log).toMatch(/^Cache saved with key: \w+-\w+-cache-go-v1-[0-9a-f]{64}$/m);

    const next = await checkout(await lab.newMachine());
    const second = await run(next);
    expect(second.conclusion).toBe('success');
    expect(mainOf(second, 'cache').outputs['cache-hit']).toBe('true');
    expect(mainOf(second, 'build').log).toBe('');
    expect(await caches(next)).toEqual(await caches(failing));
    expect([...warningsOf(first), ...warningsOf(second)]).toEqual([]);
  });

  it('a restore replaces a read-only module cache of other content', async () => {
    const first = await checkout(lab.machine);
    await run(first);

    const stale = await checkout(await lab.newMachine());
    const modules = 'go/pkg/mod/example.com/lib@v1.2.0';
    await buildTree(stale.home, {
      [modules]: { directory: true, mode: 0o555 },
      [`${modules}/go.mod`]: { content: 'torn', mode: 0o444 },
      [`${modules}/internal`]: { directory: true, mode: 0o555 },
      [`${modules}/internal/lib.go`]: { content: '', mode: 0o400 },
    });
    await giveAway(stale.home);
    const second = await run(stale);
    expect(second.conclusion).toBe('success');
    expect(mainOf(second, 'build').log).toBe('');
    expect(await caches(stale)).toEqual(await caches(first));
    expect(warningsOf(second)).toEqual([]);
  });

  it('a job with another go.sum restores the last cache and saves under its own key', async () => {
    await run(await checkout(lab.machine));
    const machine = await checkout(await lab.newMachine(), 'lib v1.2.0\nmore v0.1.0');
    const result = await run(machine);
    expect(mainOf(result, 'cache').outputs['cache-hit']).toBe('false');
    expect(mainOf(result, 'build').log).toBe('');
    expect(postOf(result, 'cache').log).toContain('Cache saved with key: ');
    expect(await lab.objects()).toHaveLength(2);
  });

  it("a job succeeds when neither the gateway nor GitHub's cache can be reached", async () => {
    const result = await run(await checkout(lab.machine), await closedEndpoint());
    expect(result.conclusion).toBe('success');
    expect(mainOf(result, 'build').log).toContain('downloading');
    expect(mainOf(result, 'cache').log).toContain('The bucket is unavailable: ');
    expect(postOf(result, 'cache').warnings).toHaveLength(1);
    await rm(path.join(lab.machine.workspace, 'go.sum'));
  });
});
