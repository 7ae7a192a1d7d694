/** One row: a bucket in memory, a workspace, and the phases of a job in it, whose memory is measured. */

import * as fs from 'node:fs/promises';
import path from 'node:path';
import { type ActionRunResult, runAction } from '../../support/runner/run-action.ts';
import type { MemoryBucket } from './memory-bucket.ts';

/** A phase that has not ended by then hangs, and is killed. */
const HANG_MS = 90_000;

const SAMPLE_MS = 20;

type PhaseName = 'main' | 'post' | 'restore' | 'save';

export interface HostileResult extends ActionRunResult {
  readonly lines: readonly string[];
  /** Peak of the resident memory in MB, as the system counts it. */
  readonly peakMb: number;
  /** From the signal to the end, in ms. Undefined if none was sent. */
  readonly afterSignalMs: number | undefined;
}

export class HostileScene {
  readonly bucket: MemoryBucket;
  readonly root: string;
  readonly #checkout: string;
  #pid: number | undefined;
  #signalledAt: number | undefined;

  constructor(bucket: MemoryBucket, root: string, checkout: string) {
    this.bucket = bucket;
    this.root = root;
    this.#checkout = checkout;
  }

  get tree(): string {
    return path.join(this.root, 'workspace', 'tree');
  }

  /** Runs a phase. `state` is that of main, for post. */
  async phase(
    name: PhaseName,
    inputs: Readonly<Record<string, string>>,
    state: Readonly<Record<string, string>> = {},
    env: Readonly<Record<string, string>> = {},
  ): Promise<HostileResult> {
    const workspace = path.join(this.root, 'workspace');
    await fs.mkdir(workspace, { recursive: true });
    const lines: string[] = [];
    const hang = AbortSignal.timeout(HANG_MS);
    let memory: Promise<number> = Promise.resolve(0);
    this.#signalledAt = undefined;
    const result = await runAction({
      actionDir: this.#checkout,
      ...(name === 'main' || name === 'post'
        ? { entry: name }
        : { entry: 'main', action: `${name}/action.yml` }),
      workspace,
      inputs: {
        path: 'tree',
        bucket: 'bucket',
        endpoint: this.bucket.endpoint,
        accessKey: 'access',
        secretKey: 'hidden-secret',
        'use-fallback': 'false',
        ...inputs,
      },
      state,
      env: { RUNNER_TEMP: path.join(this.root, 'temp'), ...env },
      stop: hang,
      grace: { interruptMs: 0, terminateMs: 0 },
      onStart: pid => {
        this.#pid = pid;
        memory = peakOf(pid);
      },
      onLine: line => lines.push(line),
    });
    this.#pid = undefined;
    const afterSignalMs = this.#signalledAt === undefined ? undefined : performance.now() - this.#signalledAt;
    return { ...result, lines, peakMb: await memory, afterSignalMs };
  }

  /** Sends SIGINT to the phase that runs. */
  interrupt(): void {
    if (this.#pid === undefined) return;
    this.#signalledAt ??= performance.now();
    try {
      process.kill(this.#pid, 'SIGINT');
    } catch {
      // It has just ended
    }
  }
}

/** Resolves at the end of a process to the peak of its memory in MB (Linux; 0 elsewhere). */
async function peakOf(pid: number): Promise<number> {
  let peak = 0;
  for (;;) {
    const status = await fs.readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
    const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
    if (kilobytes === undefined) return peak;
    peak = Number(kilobytes) / 1000;
    await new Promise(resolve => setTimeout(resolve, SAMPLE_MS));
  }
}
