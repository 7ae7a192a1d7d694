import { spawn, spawnSync } from 'node:child_process';
import { chmod, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { unprivileged } from '../../support/drop-privileges.ts';
import type { RunWorkflowOptions, WorkflowResult } from '../../support/runner/model.ts';

/**
 * An ordinary user with passwordless sudo, for the length of one workflow: in a mount namespace of its own /etc/sudoers
 * is another file. The real sudo runs, and nothing of the machine is changed. Takes root and util-linux.
 */

/** Whether this machine can do that. */
export function canSandboxSudo(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  const works = (command: string, ...args: string[]) => spawnSync(command, args).status === 0;
  return works('sudo', '--version') && works('unshare', '--mount', '--propagation', 'private', 'true');
}

export interface SudoSandboxOptions extends Omit<RunWorkflowOptions, 'signal' | 'cancelWhen' | 'onLine'> {
  readonly workspace: string;
  readonly home: string;
  /** A directory in which sudo's commands are looked up before the usual ones. No space in it. */
  readonly bin: string;
  /** Cancels the run. */
  readonly signal?: AbortSignal;
}

/** `runWorkflow` there. Throws what it throws. */
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
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
  try {
    return JSON.parse(output);
  } catch (error) {
    throw new Error(`the workflow gave no result: ${errors}`, { cause: error });
  }
}
