import type { Job, ResultOf } from '../messages/job.ts';
import type { JobRunner } from '../pool/worker-pool.ts';
import { InlineRunner } from '../worker/worker.ts';

/** Jobs that this thread runs: about 128 MiB of tar, the limit of a restore on the main thread of a crowded host. */
const JOBS_BEFORE_WORKERS = 32;

/**
 * Packs the first frames on this thread and all others in workers. On a crowded host, starting workers for a small save takes
 * more time than they save.
 */
export class LateWorkers implements JobRunner {
  readonly width: number;
  readonly #inline = new InlineRunner();
  readonly #workers: JobRunner;
  readonly #onStart: () => void;
  #jobs = 0;

  /** Takes ownership of `workers`. Calls `onStart` before their first job. */
  constructor(workers: JobRunner, onStart: () => void) {
    this.width = workers.width;
    this.#workers = workers;
    this.#onStart = onStart;
  }

  run<J extends Job>(job: J): Promise<ResultOf<J>> {
    this.#jobs++;
    if (this.#jobs <= JOBS_BEFORE_WORKERS) return this.#inline.run(job);
    if (this.#jobs === JOBS_BEFORE_WORKERS + 1) this.#onStart();
    return this.#workers.run(job);
  }

  async close(): Promise<void> {
    await Promise.all([this.#inline.close(), this.#workers.close()]);
  }
}
