import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { giveAway } from '../../support/drop-privileges.ts';
import { mainOf, postOf, warningsOf } from '../../support/runner/results.ts';
import { buildTree, describeTree, type TreeSpec } from '../../support/tree.ts';
import { describeWithGateway, type Machine, useLab } from '../support/lab.ts';
import { runRecipe } from '../support/recipe.ts';
import { cargo, go, pnpm } from '../support/toolchains.ts';

const lab = useLab();

async function checkout(machine: Machine, files: TreeSpec) {
  await buildTree(machine.workspace, files);
  await giveAway(machine.workspace);
  return machine;
}

describeWithGateway('recipe: Rust', () => {
  const sources: TreeSpec = {
    'Cargo.lock': 'serde',
    'src/main.rs': { content: 'fn main() {}', mtime: 1e15 },
  };

  it('a job after a restore downloads and compiles nothing', async () => {
    const tools = { cargo: cargo() };
    const first = await runRecipe(lab, 'rust', { machine: await checkout(lab.machine, sources), tools });
    expect(mainOf(first, 'test').log).toBe('Downloading serde v1.0.0\nCompiling app');
    const machine = await checkout(await lab.newMachine(), sources);
    const second = await runRecipe(lab, 'rust', { machine, tools });
    expect(mainOf(second, 'test').log).toBe('');
    expect(await describeTree(path.join(machine.workspace, 'target'))).toEqual(
      await describeTree(path.join(lab.machine.workspace, 'target')),
    );
    expect([...warningsOf(first), ...warningsOf(second)]).toEqual([]);
  });

  it("the home of cargo may be outside the user's home", async () => {
    const cargoHome = path.join(lab.root, `opt-${lab.prefix}`, 'rust/cargo');
    await mkdir(cargoHome, { recursive: true });
    await giveAway(cargoHome);
    const options = { tools: { cargo: cargo(cargoHome) }, vars: { CARGO_HOME: cargoHome } };
    await runRecipe(lab, 'rust', { machine: await checkout(lab.machine, sources), ...options });
    const before = await describeTree(cargoHome);
    await giveAway(
      await buildTree(cargoHome, { 'registry/cache/index.crates.io-1949cf8c6b5b557f/serde-1.0.0.crate': '' }),
    );
    const machine = await checkout(await lab.newMachine(), sources);
    const second = await runRecipe(lab, 'rust', { machine, ...options });
    expect(mainOf(second, 'cache').outputs['cache-hit']).toBe('true');
    expect(await describeTree(cargoHome)).toEqual(before);
  });
});

describeWithGateway('recipe: pnpm', () => {
  it('the pnpm store is restored on a runner with another home', async () => {
    const files = { 'app/pnpm-lock.yaml': 'left-pad' };
    const first = await runRecipe(lab, 'pnpm', {
      machine: await checkout(lab.machine, files),
      tools: { pnpm },
    });
    expect(mainOf(first, 'install').log).toBe('downloading left-pad');
    expect(mainOf(first, 'store').outputs.path).toBe(`${lab.machine.home}/.local/share/pnpm/store/v10`);
    const machine = await checkout(await lab.newMachine(), files);
    const second = await runRecipe(lab, 'pnpm', { machine, tools: { pnpm } });
    expect(mainOf(second, 'store').outputs.path).toBe(`${machine.home}/.local/share/pnpm/store/v10`);
    expect(mainOf(second, 'cache').outputs['cache-hit']).toBe('true');
    expect(mainOf(second, 'install').log).toBe('');
    expect([...warningsOf(first), ...warningsOf(second)]).toEqual([]);
  });
});

describeWithGateway('recipe: composite actions of a fleet', () => {
  const files: TreeSpec = {
    'go.sum': 'lib',
    'Cargo.lock': 'serde',
    'src/main.rs': { content: 'fn main() {}', mtime: 1e15 },
    'pnpm-lock.yaml': 'left-pad',
  };
  const tools = { go, cargo: cargo(), pnpm };

  /** Runs the three jobs, each on its own machine. */
  async function run() {
    const machines = new Map<string, Machine>();
    for (const job of ['go', 'rust', 'pnpm'])
      machines.set(job, await checkout(await lab.newMachine(), files));
    return runRecipe(lab, 'toolchains', {
      tools,
      workspace: ({ job }) => machines.get(job)?.workspace ?? lab.machine.workspace,
      home: ({ job }) => machines.get(job)!.home,
    });
  }

  it("composite actions of a fleet save with the key scheme of GitHub's actions and restore", async () => {
    const first = await run();
    expect(first.conclusion).toBe('success');
    const saved = first.steps.filter(step => step.stage === 'post').map(step => step.log);
    const platform = `${process.platform === 'linux' ? 'Linux' : 'macOS'}-${process.arch.toUpperCase()}`;
    for (const tool of ['go', 'rust', 'pnpm'])
      expect(saved.join('\n')).toMatch(
        new RegExp(`^Cache saved with key: ${platform}-cache-${tool}-v1-[0-9a-f]{64}$`, 'm'),
      );
    const second = await run();
    expect(second.conclusion).toBe('success');
    for (const job of ['go', 'rust', 'pnpm']) {
      expect(mainOf(second, 'cache', job).outputs).toEqual({ 'cache-hit': 'true' });
      expect(postOf(second, 'cache', job).log).toContain('not saving cache');
    }
    expect(second.log).not.toMatch(/downloading|compiling/i);
    expect([...warningsOf(first), ...warningsOf(second)]).toEqual([]);
  });
});
