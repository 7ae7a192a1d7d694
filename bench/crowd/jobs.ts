import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { readClosingLine } from '../../test/support/closing-line.ts';
import { BenchError } from '../bench-error.ts';
import type { Phase } from '../options.ts';
import type { Place } from '../place.ts';
import { startedBy } from '../process/command.ts';
import type { Program } from '../programs/program.ts';
import { treeName } from '../run-once.ts';
import type { Workbench } from '../workbench.ts';

/** Pause between two measurements of memory, in ms: one of 64 processes takes some 100 ms. */
const SAMPLE_MS = 250;

/** One job of a crowd. */
export interface CrowdJob {
  /** Whether it has saved or restored. */
  readonly isDone: boolean;
  /** From the start of the first job of the crowd. */
  readonly wallSeconds: number;
  readonly bytes: number;
  readonly requests: number;
  readonly retries: number;
}

export interface Crowd {
  readonly jobs: readonly CrowdJob[];
  /** CPU seconds of the gateway. */
  readonly gatewayCpuSeconds: number;
  /** Largest sum of the proportional set sizes of all processes of the jobs, in bytes. */
  readonly peakPssBytes: number;
}

interface CrowdOptions {
  readonly phase: Phase;
  readonly count: number;
  readonly key: string;
  readonly mayFail?: boolean;
}

/**
 * Starts `count` jobs of a program at the same moment, each with a RUNNER_TEMP of its own. Saves share one tree and have a key of
 * their own; restores share `key` and have a workspace of their own.
 * @throws BenchError when a job does not save or restore, unless `mayFail`.
 */
export async function runCrowd(
  bench: Workbench,
  place: Place,
  program: Program,
  { phase, count, key, mayFail = false }: CrowdOptions,
): Promise<Crowd> {
  await bench.gateway.untilIdle();
  const before = bench.gateway.cpuSeconds();
  const started = performance.now();
  const running = new Set<number>();
  const memory = new PeakMemory(running);
  const jobs = await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const own = path.join(place.temp, `${phase}-${index}`);
      const workspace = phase === 'save' ? place.workspace : path.join(own, 'workspace');
      mkdirSync(path.join(own, 'temp'), { recursive: true });
      mkdirSync(workspace, { recursive: true });
      const { args, cwd, env } = program.command({
        phase,
        key: phase === 'save' ? `${key}-${index}` : key,
        restoreKeys: [],
        path: treeName,
        workspace,
        temp: path.join(own, 'temp'),
      });
      const [file, ...rest] = startedBy(bench.link.prefix, args);
      const child = spawn(file, rest, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], signal: bench.stop });
      const ended = new Promise<number | null>((resolve, reject) => {
        child.once('error', reject);
        child.once('exit', resolve);
      });
      running.add(child.pid!);
      const [code, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
      const wallSeconds = (performance.now() - started) / 1000;
      running.delete(child.pid!);
      const fields = readClosingLine(stdout);
      const wanted = phase === 'save' ? 'saved' : 'hit';
      const isDone = code === 0 && fields?.result === wanted;
      if (!isDone && !mayFail)
        throw new BenchError(`${program.name} did not end a ${phase} with '${wanted}':\n${stdout}${stderr}`);
      const number = (name: string) => Number(fields?.[name] ?? Number.NaN);
      return {
        isDone,
        wallSeconds,
        bytes: number('bytes'),
        requests: number('requests'),
        retries: number('retries'),
      };
    }),
  );
  const peakPssBytes = await memory.stop();
  await fs.rm(place.temp, { recursive: true, force: true });
  return { jobs, gatewayCpuSeconds: bench.gateway.cpuSeconds() - before, peakPssBytes };
}

/** Measures the memory of processes and their children again and again. */
class PeakMemory {
  readonly #processes: ReadonlySet<number>;
  readonly #ended: Promise<void>;
  #peakBytes = 0;
  #isStopped = false;

  constructor(processes: ReadonlySet<number>) {
    this.#processes = processes;
    this.#ended = this.#run();
  }

  /** Returns the largest sum, in bytes. */
  async stop(): Promise<number> {
    this.#isStopped = true;
    await this.#ended;
    return this.#peakBytes;
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      const sizes = await Promise.all([...this.#processes].map(pssOfTree));
      this.#peakBytes = Math.max(
        this.#peakBytes,
        sizes.reduce((sum, size) => sum + size, 0),
      );
      await new Promise(resolve => setTimeout(resolve, SAMPLE_MS));
    }
  }
}

/** Returns the proportional set size of a process and its children, in bytes; 0 for one that has ended. */
async function pssOfTree(pid: number): Promise<number> {
  try {
    const rollup = await fs.readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
    const children = await fs.readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
    const own = Number(/^Pss:\s+(\d+) kB$/m.exec(rollup)?.[1] ?? 0) * 1024;
    const others = await Promise.all(children.split(' ').filter(Boolean).map(Number).map(pssOfTree));
    return own + others.reduce((sum, size) => sum + size, 0);
  } catch {
    return 0;
  }
}
