import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { json, text } from 'node:stream/consumers';
import { BenchError } from '../bench-error.ts';
import { type Command, startedBy } from './command.ts';

/** The figures of one run of a program. */
export interface Measured {
  readonly wallSeconds: number;
  /** User and system time of the program and its children. */
  readonly cpuSeconds: number;
  /** CPU seconds of the program's first thread. Undefined without CONFIG_SCHED_INFO. */
  readonly mainThreadCpuSeconds: number | undefined;
  /** The largest resident set of the program and its children. */
  readonly peakRssBytes: number;
  /** Standard output and error. */
  readonly output: string;
}

interface Report {
  readonly exitCode: number;
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  readonly mainThreadCpuSeconds: number | null;
  readonly peakRssBytes: number;
}

const script = path.join(import.meta.dirname, 'measure.py');
const python = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3';

/**
 * Runs a command and measures it. `prefix` starts it and is not measured. `stop` kills it and its children.
 * @throws BenchError with its output when it does not end with 0.
 */
export async function measure(
  command: Command,
  options: { readonly prefix?: readonly string[]; readonly stop?: AbortSignal } = {},
): Promise<Measured> {
  const [file, ...args] = startedBy(options.prefix ?? [], [python, script, ...command.args]);
  options.stop?.throwIfAborted();
  const child = spawn(file, args, {
    cwd: command.cwd,
    env: command.env,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    // Its own process group, so that its children can be killed
    detached: true,
  });
  const kill = () => child.pid !== undefined && process.kill(-child.pid, 'SIGKILL');
  options.stop?.addEventListener('abort', kill, { once: true });
  const failed = new Promise<never>((_, reject) => child.once('error', reject));
  const ended = Promise.all([
    text(child.stdout as Readable),
    text(child.stderr as Readable),
    json(child.stdio[3] as Readable).catch(() => undefined) as Promise<Report | undefined>,
  ]);
  const [stdout, stderr, report] = await Promise.race([ended, failed]);
  options.stop?.removeEventListener('abort', kill);
  options.stop?.throwIfAborted();
  const output = stdout + stderr;
  if (report?.exitCode !== 0) {
    const how = report === undefined ? 'was not measured' : `ended with ${report.exitCode}`;
    throw new BenchError(`${command.args.join(' ')} ${how}:\n${output.slice(-4000)}`);
  }
  const { wallSeconds, cpuSeconds, mainThreadCpuSeconds, peakRssBytes } = report;
  return {
    wallSeconds,
    cpuSeconds,
    mainThreadCpuSeconds: mainThreadCpuSeconds ?? undefined,
    peakRssBytes,
    output,
  };
}
