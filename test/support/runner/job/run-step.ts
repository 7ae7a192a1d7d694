import { randomUUID } from 'node:crypto';
import { chmod, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { TemplateToken } from '@actions/workflow-parser/templates/tokens/index';
import { evaluateText } from '../definitions/expressions.ts';
import type { StepSpec } from '../definitions/workflow-file.ts';
import { invokeStep } from './invoke.ts';
import type { Performed, StepContext } from './step.ts';

/** Runs a `run:` step: writes its text to a file and starts a shell with it. */
export async function performRun(
  spec: StepSpec,
  defaults: (name: 'shell' | 'working-directory') => TemplateToken | undefined,
  context: StepContext,
): Promise<Performed> {
  const { job, scope } = context;
  const script = path.join(job.places.temp, `${randomUUID()}.sh`);
  await writeFile(script, `${await evaluateText(spec.run, scope)}\n`);
  await chmod(script, 0o755);
  const shell = await evaluateText(spec.shell ?? defaults('shell'), scope);
  const below = await evaluateText(spec.workingDirectory ?? defaults('working-directory'), scope);
  const [command = 'bash', ...args] = shellCommand(shell, script);
  const cwd = path.resolve(job.places.workspace, below);
  return invokeStep(context, { command, args, cwd, kind: 'run', variables: { GITHUB_ACTION: spec.id } });
}

/** docs.github.com, "Workflow syntax", jobs.<job_id>.steps[*].shell. */
function shellCommand(shell: string, script: string): string[] {
  if (shell === '') return ['bash', '-e', script];
  if (shell === 'bash') return ['bash', '--noprofile', '--norc', '-eo', 'pipefail', script];
  if (shell === 'sh') return ['sh', '-e', script];
  if (!shell.includes('{0}')) return [shell, script];
  return shell.split(/\s+/).map(word => word.replace('{0}', script));
}
