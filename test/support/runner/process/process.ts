import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Grace, ProcessExit } from '../model.ts';

/** actions/runner 2.336, ProcessInvoker.cs. */
export const runnerGrace: Grace = { interruptMs: 7500, terminateMs: 2500 };

export interface ProcessOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  /** At its abort: SIGINT, a wait, SIGTERM, a wait, SIGKILL, each to this process and not to its children. */
  readonly stop: AbortSignal;
  readonly grace: Grace;
  readonly onLine: (line: string) => void;
  /** Called with the process's id when it runs, for tests that send signals. */
  readonly onStart?: ((pid: number) => void) | undefined;
}

/** Runs a program as the runner does. Rejects if it cannot be started. */
export async function runProcess(
  command: string,
  args: readonly string[],
  options: ProcessOptions,
): Promise<ProcessExit> {
  const begun = performance.now();
  const { cwd, env, uid, gid } = options;
  const child = spawn(command, args, {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(uid !== undefined && { uid }),
    ...(gid !== undefined && { gid }),
  });
  const output = [child.stdout, child.stderr].map(async stream => {
    for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }))
      options.onLine(line);
  });
  const { promise: exited, resolve, reject } = Promise.withResolvers<Pick<ProcessExit, 'code' | 'signal'>>();
  child.once('error', reject);
  child.once('exit', (code, signal) => resolve({ code, signal }));
  if (child.pid !== undefined) options.onStart?.(child.pid);
  const ladder = new SignalLadder(child, options.stop, options.grace);
  try {
    const exit = await exited;
    await withinGrace(Promise.all(output), child);
    return { ...exit, sent: ladder.sent, ms: performance.now() - begun };
  } finally {
    ladder.end();
  }
}

/** Waits for the end of the output, at most 5 s, as the runner: a child that runs longer may keep the pipes open. */
async function withinGrace(output: Promise<unknown>, child: ChildProcess): Promise<void> {
  const timer = setTimeout(() => {
    child.stdout?.destroy();
    child.stderr?.destroy();
  }, 5000);
  await output.catch(() => {});
  clearTimeout(timer);
}

class SignalLadder {
  readonly sent: NodeJS.Signals[] = [];
  readonly #child: ChildProcess;
  readonly #stop: AbortSignal;
  readonly #start: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(child: ChildProcess, stop: AbortSignal, grace: Grace) {
    this.#child = child;
    this.#stop = stop;
    this.#start = () =>
      this.#send('SIGINT', grace.interruptMs, () =>
        this.#send('SIGTERM', grace.terminateMs, () => this.#send('SIGKILL', 0, () => {})),
      );
    if (stop.aborted) this.#start();
    else stop.addEventListener('abort', this.#start, { once: true });
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#stop.removeEventListener('abort', this.#start);
  }

  #send(signal: NodeJS.Signals, waitMs: number, next: () => void): void {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill(signal);
    this.sent.push(signal);
    this.#timer = setTimeout(next, waitMs);
  }
}
