// Runs vitest, and reads its JSON report.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import path from 'node:path';
import { root } from './project.mjs';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/**
 * Runs vitest with these arguments. Returns its report, with the exit code as `exit`. Throws if it ran no test. A signal to
 * this process ends vitest first.
 */
export async function runVitest(args, env = {}) {
  const directory = await fs.mkdtemp(path.join(tmpdir(), 'cache-s3-report-'));
  try {
    const report = path.join(directory, 'report.json');
    const child = spawn(
      process.execPath,
      vitestCommand(path.join(root, 'node_modules/vitest/vitest.mjs'), report, args),
      { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } },
    );
    const end = signal => child.kill(signal);
    for (const signal of SIGNALS) process.on(signal, end);
    const [code, signal] = await once(child, 'exit');
    for (const signal of SIGNALS) process.off(signal, end);
    return await readReport(report, code ?? 128 + (constants.signals[signal] ?? 0));
  } finally {
    await fs.rm(directory, { recursive: true, force: true });
  }
}

/** Returns the words after `node` that run vitest with its report in a file. */
export function vitestCommand(program, report, args) {
  return [program, 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...args];
}

/** Returns the report of a run that has ended with the code `exit`. Throws if there is none. */
export async function readReport(file, exit) {
  const text = await fs.readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) throw new Error(`vitest failed with exit code ${exit} before it ran the tests.`);
  return { ...JSON.parse(text), exit };
}
