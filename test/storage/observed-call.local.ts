import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:http';
import { expect, test } from 'vitest';
import { ObservedCall } from '../../src/storage/observed-call.ts';

class TestCall extends ObservedCall {
  readonly printed: string[] = [];

  constructor() {
    super(1000);
  }

  protected override begin(): boolean {
    return true;
  }

  protected override failureOf(problem: string): Error {
    return new Error(problem);
  }

  protected override print(chunk: string | Uint8Array): void {
    this.printed.push(String(chunk));
  }
}

/** Runs a call that continues with `after` when it has been aborted. Returns what it printed, and the result of `after`. */
async function runPastAbort<T>(after: () => Promise<T>) {
  const stop = new AbortController();
  const call = new TestCall();
  const late = Promise.withResolvers<T>();
  const running = call.run(async () => {
    process.stdout.write('before');
    await once(stop.signal, 'abort');
    await new Promise(setImmediate);
    process.stdout.write('after');
    await after().then(late.resolve, late.reject);
  }, stop.signal);
  stop.abort(new Error('aborted'));
  await expect(running).rejects.toThrow('aborted');
  return { printed: call.printed, late: await late.promise };
}

test('a program that a call starts after its end is killed', async () => {
  const { printed, late } = await runPastAbort(() =>
    once(spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)']), 'exit'),
  );
  expect(late).toEqual([null, 'SIGKILL']);
  expect(printed).toEqual(['before']);
});

test('a request that a call sends after its end is destroyed', async () => {
  const { late } = await runPastAbort(() =>
    once(get('http://127.0.0.1:9/'), 'error').then(([error]) => error.message),
  );
  expect(late).toBe('the call has ended');
});
