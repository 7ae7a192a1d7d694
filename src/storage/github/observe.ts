import { AsyncLocalStorage } from 'node:async_hooks';
import type { ChildProcess } from 'node:child_process';
import diagnostics from 'node:diagnostics_channel';
import type { ClientRequest } from 'node:http';
import { StringDecoder } from 'node:string_decoder';

/**
 * Sees what one call of `@actions/cache` does: the lines it prints, the requests it makes, the programs it starts.
 *
 * The client has no hooks of its own: it prints through `@actions/core`, answers `undefined` both for a miss and for
 * an outage, and cannot be given an abort signal. Node tells all three (process.stdout, the diagnostics channels
 * `http.client.request.*` and `child_process`), and AsyncLocalStorage tells which of it belongs to the call, so
 * whatever else this process prints or sends meanwhile is neither seen nor changed.
 */
export interface CallObserver {
  /** A line of standard output, without its end. It is not printed: the observer decides what becomes of it. */
  onLine(line: string): void;
  onRequest(request: ClientRequest): void;
  onChild(child: ChildProcess): void;
}

const currentCall = new AsyncLocalStorage<{ observer: CallObserver; write: (chunk: Chunk) => void }>();

type Chunk = string | Uint8Array;
type WriteDone = (error?: Error | null) => void;

/** Runs `call` under observation. What it leaves behind when it is abandoned stays observed until it settles. */
export async function observe<T>(observer: CallObserver, call: () => Promise<T>): Promise<T> {
  const lines = lineSplitter(line => observer.onLine(line));
  const release = watchProcess();
  try {
    return await currentCall.run({ observer, write: lines.write }, call);
  } finally {
    lines.end();
    release();
  }
}

/** Runs `action` outside any observed call: what it prints is printed. */
export function unobserved<T>(action: () => T): T {
  return currentCall.exit(action);
}

let watchers = 0;
let unwatch: (() => void) | undefined;

/** Installs the hooks while at least one call is observed. */
function watchProcess(): () => void {
  watchers += 1;
  unwatch ??= installHooks();
  return () => {
    watchers -= 1;
    if (watchers > 0) return;
    unwatch?.();
    unwatch = undefined;
  };
}

function installHooks(): () => void {
  const onRequest = (message: unknown) =>
    currentCall.getStore()?.observer.onRequest((message as { request: ClientRequest }).request);
  const onChild = (message: unknown) =>
    currentCall.getStore()?.observer.onChild((message as { process: ChildProcess }).process);
  // `created` is exact but younger than Node 20 (which ARM32 runners still use); `start` comes when the body has
  // been written. An observer sees a request twice and must not mind.
  const channels: [string, (message: unknown) => void][] = [
    ['http.client.request.created', onRequest],
    ['http.client.request.start', onRequest],
    ['child_process', onChild],
  ];
  for (const [name, listener] of channels) diagnostics.subscribe(name, listener);
  const restoreOutput = hookStandardOutput();
  return () => {
    for (const [name, listener] of channels) diagnostics.unsubscribe(name, listener);
    restoreOutput();
  };
}

function hookStandardOutput(): () => void {
  const stdout = process.stdout;
  const original = stdout.write;
  const hook = (chunk: Chunk, encoding?: BufferEncoding | WriteDone, done?: WriteDone): boolean => {
    const call = currentCall.getStore();
    if (call === undefined) return original.call(stdout, chunk, encoding as BufferEncoding, done);
    call.write(chunk);
    const callback = typeof encoding === 'function' ? encoding : done;
    if (callback !== undefined) process.nextTick(callback);
    return true;
  };
  stdout.write = hook as typeof stdout.write;
  return () => {
    // Someone else may have wrapped it since; our hook lets everything through then, so it can stay.
    if (stdout.write === hook) stdout.write = original;
  };
}

function lineSplitter(onLine: (line: string) => void): { write(chunk: Chunk): void; end(): void } {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  return {
    write(chunk) {
      rest += typeof chunk === 'string' ? chunk : decoder.write(Buffer.from(chunk));
      const lines = rest.split(/\r?\n/);
      rest = lines.pop() ?? '';
      for (const line of lines) onLine(line);
    },
    end() {
      if (rest !== '') onLine(rest);
      rest = '';
    },
  };
}
