import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import type { RunWorkflowOptions, WorkflowResult } from './model.ts';
import { runWorkflow } from './run-workflow.ts';
import { indent, workflowOf } from './workflow-text.ts';

/** Workflows and actions that a test writes. */
interface ScratchWorkflows {
  /** The directories of the current test, which are removed at its end. */
  readonly places: { readonly root: string; readonly workspace: string };
  /** Runs a workflow of one job with these steps (YAML, indented in any way). */
  runSteps(steps: string, options?: Partial<RunWorkflowOptions>): Promise<WorkflowResult>;
  runText(text: string, options?: Partial<RunWorkflowOptions>): Promise<WorkflowResult>;
  /** Writes an action with these scripts, which may use fs and append(variable, text). */
  action(name: string, yml: string, scripts?: Record<string, string>): Promise<string>;
}

/** Call it once at the top of a test file. */
export function scratchWorkflows(): ScratchWorkflows {
  const places = { root: '', workspace: '' };

  beforeEach(async () => {
    places.root = await mkdtemp(path.join(tmpdir(), 'cache-s3-runner-test-'));
    places.workspace = path.join(places.root, 'workspace');
    await mkdir(places.workspace);
  });

  afterEach(() => rm(places.root, { recursive: true, force: true }));

  const runText: ScratchWorkflows['runText'] = (text, options = {}) =>
    runWorkflow({
      text,
      workspace: places.workspace,
      grace: { interruptMs: 300, terminateMs: 300 },
      ...options,
    });

  return {
    places,
    runText,
    runSteps: (steps, options) => runText(workflowOf(steps), options),
    action: (name, yml, scripts = {}) => writeAction(path.join(places.root, name), name, yml, scripts),
  };
}

async function writeAction(
  directory: string,
  name: string,
  yml: string,
  scripts: Record<string, string>,
): Promise<string> {
  await mkdir(directory, { recursive: true });
  await writeFile(path.join(directory, 'action.yml'), `name: ${name}\ndescription: test\n${indent(yml, 0)}`);
  const prelude =
    "const fs = require('node:fs'); const append = (name, text) => fs.appendFileSync(process.env[name], text + '\\n');\n";
  for (const [file, body] of Object.entries(scripts))
    await writeFile(path.join(directory, file), prelude + body);
  return directory;
}
