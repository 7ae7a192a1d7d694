import { type ActionRun, type ActionRunResult, runAction } from '../support/runner/run-action.ts';

export type PhaseName = 'main' | 'post' | 'restore' | 'save';

export interface PhaseResult extends ActionRunResult {
  readonly lines: readonly { readonly text: string; readonly atMs: number }[];
  readonly hung: boolean;
  /** The time in ms from the first signal of the test to the end. Undefined if none was sent. */
  readonly afterSignalMs: number | undefined;
}

/** The options of a phase that a case may set. */
export type PhaseRunOptions = Partial<Omit<ActionRun, 'actionDir' | 'action' | 'entry' | 'stop' | 'grace'>>;

/** Runs phases one after the other, and sends signals to the running one. */
export class PhaseRunner {
  #pid: number | undefined;
  #signalledAt: number | undefined;
  readonly #timers: NodeJS.Timeout[] = [];

  /** Runs a phase. After `hangMs` it counts as hung and is killed. */
  async run(
    name: PhaseName,
    hangMs: number,
    options: Omit<ActionRun, 'action' | 'entry' | 'stop' | 'grace'>,
  ): Promise<PhaseResult> {
    const begun = performance.now();
    const lines: { text: string; atMs: number }[] = [];
    const hang = new AbortController();
    const timer = setTimeout(() => hang.abort(), hangMs);
    this.#signalledAt = undefined;
    try {
      const result = await runAction({
        ...options,
        ...stepOf(name),
        stop: hang.signal,
        grace: { interruptMs: 0, terminateMs: 0 },
        onStart: pid => {
          this.#pid = pid;
          options.onStart?.(pid);
        },
        onLine: text => {
          lines.push({ text, atMs: performance.now() - begun });
          options.onLine?.(text);
        },
      });
      const afterSignalMs =
        this.#signalledAt === undefined ? undefined : performance.now() - this.#signalledAt;
      return { ...result, lines, hung: hang.signal.aborted, afterSignalMs };
    } finally {
      this.#pid = undefined;
      clearTimeout(timer);
      for (const one of this.#timers.splice(0)) clearTimeout(one);
    }
  }

  /** Sends a signal to the running phase. Does nothing after its end. */
  signal(name: NodeJS.Signals): void {
    if (this.#pid === undefined) return;
    const now = performance.now();
    try {
      process.kill(this.#pid, name);
      this.#signalledAt ??= now;
    } catch (error) {
      // It has ended, and the event has not come yet
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  /** Sends a signal after this time if the phase still runs. */
  signalLater(name: NodeJS.Signals, afterMs: number): void {
    this.#timers.push(setTimeout(() => this.signal(name), afterMs));
  }
}

function stepOf(name: PhaseName): Pick<ActionRun, 'action' | 'entry'> {
  if (name === 'main' || name === 'post') return { entry: name };
  return { action: `${name}/action.yml`, entry: 'main' };
}
