import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { json, text } from 'node:stream/consumers';
import { BenchError } from '../bench-error.ts';
import { type Command, startedBy } from './command.ts';

/** What one run of a program took. */
export interface Measured {
  readonly wallSeconds: number;
  /** User and system time of the program and of all that it started. */
  readonly cpuSeconds: number;
  /** The program's first thread alone; undefined where the kernel does not tell (no CONFIG_SCHED_INFO). */
  readonly mainThreadCpuSeconds: number | undefined;
  /** The largest resident set that the program, or one that it started, ever had. */
  readonly peakRssBytes: number;
  /** What it printed. */
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
 * Runs a command and measures it; `prefix` starts it and is not measured. Rejects with a `BenchError`, with what it printed, when it ends
 * with anything but 0. `stop` kills it and all that it started.
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
    // a process group of its own, so that all of it can be killed
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
