import { spawn, spawnSync } from 'node:child_process';
import { chmod, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { collectOutput } from '../../support/collect-output.ts';
import { unprivileged } from '../../support/drop-privileges.ts';
import { need, requires } from '../../support/platform-needs.ts';
import type { RunWorkflowOptions, WorkflowResult } from '../../support/runner/model.ts';

/**
 * Runs a workflow as an ordinary user with passwordless sudo: in its own mount namespace /etc/sudoers is another file. The
 * real sudo runs, and the machine is not changed. Needs root and util-linux.
 */

function canSandboxSudo(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  const works = (command: string, ...args: string[]) => spawnSync(command, args).status === 0;
  return works('sudo', '--version') && works('unshare', '--mount', '--propagation', 'private', 'true');
}

/** For tests that run workflows with sudo. */
export const withSudo = requires(need(canSandboxSudo(), 'sudo cannot be run in a sandbox'));

export interface SudoSandboxOptions extends Omit<RunWorkflowOptions, 'signal' | 'cancelWhen' | 'onLine'> {
  readonly workspace: string;
  readonly home: string;
  /** The first directory in sudo's path of commands. Its name has no space. */
  readonly bin: string;
  /** Cancels the run. */
  readonly signal?: AbortSignal;
}

/** Runs a workflow as `runWorkflow` does. */
export async function runWithSudo(options: SudoSandboxOptions): Promise<WorkflowResult> {
  const { bin, signal, ...workflow } = options;
  const sudoers = path.join(bin, 'sudoers');
  await writeFile(
    sudoers,
    [
      'Defaults env_reset, always_set_home, !syslog',
      `Defaults secure_path="${bin}:/usr/sbin:/usr/bin:/sbin:/bin"`,
      `#${unprivileged().uid} ALL=(root) NOPASSWD:SETENV: ALL`,
      '',
    ].join('\n'),
  );
  await chmod(sudoers, 0o440);
  const program = fileURLToPath(new URL('./sudo-sandbox-program.ts', import.meta.url));
  const script = 'mount --bind "$1" /etc/sudoers && shift && exec "$@"';
  const child = spawn(
    'unshare',
    ['--mount', '--propagation', 'private', 'sh', '-c', script, 'sh', sudoers, process.execPath, program],
    { stdio: ['pipe', 'pipe', 'pipe'] },
  );
  child.stdin.on('error', () => {});
  child.stdin.write(`${JSON.stringify({ ...workflow, ...unprivileged() })}\n`);
  const cancel = () => child.stdin.write('cancel\n');
  if (signal?.aborted) cancel();
  else signal?.addEventListener('abort', cancel, { once: true });
  const { stdout, stderr } = await collectOutput(child);
  try {
    return JSON.parse(stdout);
  } catch (error) {
    throw new Error(`the workflow printed no result: ${stderr}`, { cause: error });
  }
}
