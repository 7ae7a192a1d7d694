import { mkdirSync, mkdtempSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { repositoryFile } from '../support/checkout.ts';
import { readClosingLine } from '../support/closing-line.ts';
import { type ActionRun, type ActionRunResult, runAction } from '../support/runner/run-action.ts';
import { buildTree, deleteTree, describeTree, type TreeDescription, type TreeSpec } from '../support/tree.ts';
import { drive, type StoreInputs } from './stores.ts';

type Inputs = Readonly<Record<string, string>>;

/** A job on its own machine: a new workspace, RUNNER_TEMP and steps of the built action. */
export class Job {
  readonly workspace: string;
  readonly #store: StoreInputs;

  constructor(store: StoreInputs) {
    this.#store = store;
    mkdirSync(path.join(drive, 'jobs'), { recursive: true });
    const above = mkdtempSync(path.join(drive, 'jobs/job-'));
    onTestFinished(() => deleteTree(above));
    this.workspace = path.join(above, 'repo');
    mkdirSync(this.workspace);
  }

  /** Returns a path below the workspace. */
  at(...names: readonly string[]): string {
    return path.join(this.workspace, ...names);
  }

  build(spec: TreeSpec): Promise<string> {
    return buildTree(this.workspace, spec);
  }

  /** Describes a directory of the workspace, without its own time. */
  tree(name = 'tree'): Promise<TreeDescription> {
    return describeTree(this.at(name));
  }

  save(inputs: Inputs, run: Partial<ActionRun> = {}): Promise<ActionRunResult> {
    return this.#step(inputs, { action: 'save/action.yml', entry: 'main', ...run });
  }

  restore(inputs: Inputs, run: Partial<ActionRun> = {}): Promise<ActionRunResult> {
    return this.#step(inputs, { action: 'restore/action.yml', entry: 'main', ...run });
  }

  main(inputs: Inputs): Promise<ActionRunResult> {
    return this.#step(inputs, { entry: 'main' });
  }

  post(inputs: Inputs, main: ActionRunResult): Promise<ActionRunResult> {
    return this.#step(inputs, { entry: 'post', state: main.state });
  }

  #step(inputs: Inputs, run: Pick<ActionRun, 'entry'> & Partial<ActionRun>): Promise<ActionRunResult> {
    return runAction({
      actionDir: repositoryFile('.'),
      workspace: this.workspace,
      ...run,
      inputs: { path: 'tree', 'use-fallback': 'false', ...this.#store, ...inputs },
    });
  }
}

/** Throws unless the phase has this result, succeeded and warned of nothing. */
export function expectResult(phase: ActionRunResult, result: 'saved' | 'hit' | 'partial' | 'miss'): void {
  expect(readClosingLine(phase.stdout)?.result, phase.stdout).toBe(result);
  expect(phase.exitCode, phase.stdout).toBe(0);
  expect(phase.stdout).not.toMatch(/^::(?:warning|error)/m);
}

/** Saves `tree` and restores it in another job. Throws unless it is the same there. Resolves to both jobs. */
export async function expectRoundTrip(store: StoreInputs, spec: TreeSpec): Promise<{ from: Job; to: Job }> {
  const [from, to] = [new Job(store), new Job(store)];
  await from.build(spec);
  expectResult(await from.save({ key: 'k' }), 'saved');
  expectResult(await to.restore({ key: 'k' }), 'hit');
  expect(await to.tree()).toEqual(await from.tree());
  return { from, to };
}
