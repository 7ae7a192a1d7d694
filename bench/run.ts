import { BenchError } from './bench-error.ts';

/** Runs a command of the bench. An interrupt ends the measurement, removes gateway, link and directories, and ends the process. */
export async function runToEnd(work: (stop: AbortSignal) => Promise<void>): Promise<void> {
  const interrupted = new AbortController();
  const begun = performance.now();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => interrupted.abort(new BenchError(`The bench was ended by ${signal}.`)));
  }
  try {
    await work(interrupted.signal);
    console.error(`bench: done after ${Math.round((performance.now() - begun) / 1000)} s`);
  } catch (error) {
    process.exitCode = 1;
    const known = error instanceof BenchError || (error as Error).name === 'GatewayUnavailableError';
    console.error(known ? (error as Error).message : error);
  }
}
