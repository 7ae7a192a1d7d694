import { execFileSync } from 'node:child_process';

/** Whether a program is installed that a test needs and that knows `--version`. Without it the test is skipped. */
export function hasTool(command: string): boolean {
  try {
    execFileSync(command, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
