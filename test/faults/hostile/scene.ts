/** One row: a bucket in memory, a workspace, and the phases of a job in it, whose memory is measured. */

import * as fs from 'node:fs/promises';
import path from 'node:path';
import type { MemoryServer } from '../../support/servers/memory-server.ts';
import { type PhaseName, type PhaseResult, PhaseRunner } from '../phase-runner.ts';

/** A phase that has not ended by then hangs, and is killed. */
const HANG_MS = 90_000;

const SAMPLE_MS = 20;

export interface HostileResult extends PhaseResult {
  /** Peak of the resident memory in MB, as the system counts it. */
  readonly peakMb: number;
}

export class HostileScene {
  readonly bucket: MemoryServer;
  readonly root: string;
  readonly #actionDir: string;
  readonly #runner = new PhaseRunner();

  constructor(bucket: MemoryServer, root: string, actionDir: string) {
    this.bucket = bucket;
    this.root = root;
    this.#actionDir = actionDir;
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
    let memory: Promise<number> = Promise.resolve(0);
    const result = await this.#runner.run(name, HANG_MS, {
      actionDir: this.#actionDir,
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
      onStart: pid => {
        memory = peakOf(pid);
      },
    });
    return { ...result, peakMb: await memory };
  }

  /** Sends SIGINT to the phase that runs. */
  interrupt(): void {
    this.#runner.signal('SIGINT');
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
