import { AsyncLocalStorage } from 'node:async_hooks';
import type { ChildProcess } from 'node:child_process';
import diagnostics from 'node:diagnostics_channel';
import type { ClientRequest } from 'node:http';

/**
 * Receives the output, the HTTP requests and the child processes of one call of `@actions/cache` or `@actions/core`. These
 * packages offer no hook and no abort signal, so this module hooks into the process. AsyncLocalStorage separates the call from
 * everything else that this process prints or sends meanwhile. The packages write nothing to standard error.
 */
export interface CallObserver {
  /** Receives a write to standard output, which is not printed. */
  onWrite(chunk: string | Uint8Array): void;
  onRequest(request: ClientRequest): void;
  onChild(child: ChildProcess): void;
}

const observers = new AsyncLocalStorage<CallObserver>();
let areInstalled = false;

/** Runs `call` and reports to `observer` until the call, and everything that it has started, is over. */
export function observe<T>(observer: CallObserver, call: () => T): T {
  if (!areInstalled) installHooks();
  areInstalled = true;
  return observers.run(observer, call);
}

/** Installs the hooks for the rest of the process's life. Outside of observed calls they change nothing. */
function installHooks(): void {
  const onRequest = (message: unknown) =>
    observers.getStore()?.onRequest((message as { request: ClientRequest }).request);
  // Node 20, which 32-bit ARM runners use, publishes only `start`, and only when the body has been written
  diagnostics.subscribe('http.client.request.created', onRequest);
  diagnostics.subscribe('http.client.request.start', onRequest);
  diagnostics.subscribe('child_process', message =>
    observers.getStore()?.onChild((message as { process: ChildProcess }).process),
  );
  hookOutput();
}

type Write = typeof process.stdout.write;

function hookOutput(): void {
  const { stdout } = process;
  const original: Write = stdout.write;
  stdout.write = ((...args: Parameters<Write>): boolean => {
    const observer = observers.getStore();
    if (observer === undefined) return original.apply(stdout, args);
    // Runs outside of the call, so that the observer's own output is printed
    observers.exit(() => observer.onWrite(args[0]));
    const done = args.find(argument => typeof argument === 'function');
    if (done !== undefined) process.nextTick(done);
    return true;
  }) as Write;
}
