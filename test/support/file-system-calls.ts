/** Replaces functions of the file system in this thread until the test ends. */

import fs from 'node:fs';
import promises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { onTestFinished } from 'vitest';

/** Replaces a function of `node:fs` until the test ends. `replacement` gets the original one. */
export function instead<K extends keyof typeof fs>(
  name: K,
  replacement: (call: (typeof fs)[K]) => (typeof fs)[K],
): void {
  replaceCalls({ [name]: replacement(fs[name]) });
}

/** As `instead`, of `node:fs/promises`. */
export function insteadAsync<K extends keyof typeof promises>(
  name: K,
  replacement: (call: (typeof promises)[K]) => (typeof promises)[K],
): void {
  replaceIn(promises, { [name]: replacement(promises[name]) });
}

/** Replaces functions of `node:fs` until the test ends, or the returned function is called. */
export function replaceCalls(calls: Partial<typeof fs>): () => void {
  return replaceIn(fs, calls);
}

function replaceIn<T extends object>(module: T, calls: Partial<T>): () => void {
  const original = Object.fromEntries(Object.keys(calls).map(name => [name, module[name as keyof T]]));
  const replace = (by: object) => {
    Object.assign(module, by);
    syncBuiltinESMExports();
  };
  replace(calls);
  const restore = () => replace(original);
  onTestFinished(restore);
  return restore;
}

/** Lets each call of `lstatSync` take a millisecond until the test ends, as on a slow network disk. */
export function slowDownLstat(): void {
  instead(
    'lstatSync',
    call =>
      ((...options: Parameters<typeof call>) => {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
        return call(...options);
      }) as typeof call,
  );
}

/** Lets each `closeSync` fail once it has closed its file, until the test ends, as on a network disk. */
export function failEachClose(): void {
  instead('closeSync', call => fd => {
    call(fd);
    throw failed('EIO');
  });
}

/** Makes an error of the system. */
export function failed(code: string, path: unknown = ''): Error {
  return Object.assign(new Error(code), { code, path: String(path) });
}
