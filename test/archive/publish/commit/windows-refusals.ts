/**
 * Emulates the refusals of Windows (seen in Wine 10) on another system. A test with it shows what a commit does after a refusal, not
 * that Windows refuses: publisher.local.ts runs on Windows itself.
 */

import { lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, vi } from 'vitest';
import type { TargetTreeError } from '../../../../src/archive/archive-errors.ts';
import { failed, instead } from '../../../support/file-system-calls.ts';
import type { TreeSpec } from '../../../support/tree.ts';
import { platforms } from '../../support/platform.ts';
import { staged } from '../staged.ts';

const { locksOpenFiles, inUseCodes, hasSudo } = platforms.win32;
export const windowsTraits = { locksOpenFiles, inUseCodes, hasSudo, hasModes: false };

/**
 * How a process uses a file: it lets others delete it, as Node.js does (`shared`), it does not (`held`), or it runs it, so that
 * it can be renamed but not removed (`running`).
 */
type Use = 'shared' | 'held' | 'running';

/** Emulates the refusals of Windows until the test ends. Waits take no time. */
export function onWindows() {
  const uses = new Map<number, { readonly how: Use; path: string }>();
  const waits: number[] = [];
  let onWait = () => {};
  const waited = (ms: number) => {
    waits.push(ms);
    onWait();
  };
  const inode = (path: unknown) => lstatSync(String(path), { throwIfNoEntry: false })?.ino ?? -1;
  const useOf = (path: unknown) => uses.get(inode(path))?.how;
  const hasOpenFile = (directory: string) =>
    [...uses.values()].some(({ path }) => path.startsWith(`${directory}/`));

  const wait = vi.spyOn(Atomics, 'wait').mockImplementation((...args: unknown[]) => {
    waited(args[3] as number);
    return 'timed-out';
  });
  const timer = vi.spyOn(globalThis, 'setTimeout').mockImplementation(((then: () => void, ms = 0) => {
    waited(ms);
    return setImmediate(then);
  }) as unknown as typeof setTimeout);
  onTestFinished(() => {
    wait.mockRestore();
    timer.mockRestore();
  });
  instead('renameSync', rename => (from, to) => {
    const refuse = (code: string) => {
      throw Object.assign(failed(code, from), { dest: String(to) });
    };
    const use = uses.get(inode(from));
    if (use?.how === 'held') refuse('EBUSY');
    const target = lstatSync(String(to), { throwIfNoEntry: false });
    if (target?.isFile() && target.ino !== inode(from)) {
      if ((target.mode & 0o200) === 0 || useOf(to) !== undefined) refuse('EPERM');
    }
    if (hasOpenFile(String(from))) refuse('EPERM');
    rename(from, to);
    if (use) use.path = String(to);
  });
  instead('unlinkSync', unlink => path => {
    const how = useOf(path);
    if (how === 'running' || how === 'held') throw failed(how === 'held' ? 'EBUSY' : 'EPERM', path);
    uses.delete(inode(path));
    unlink(path);
  });
  instead('rmSync', rm => (path, options) => {
    if (hasOpenFile(String(path))) throw failed('EPERM', path);
    rm(path, options);
  });
  return {
    waits,
    use: (path: string, how: Use) => void uses.set(inode(path), { how, path }),
    end: () => uses.clear(),
    duringWaits(action: () => void) {
      onWait = action;
    },
  };
}

export const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);
/** Advice on a file that a process has open. */
export const ADVICE = 'end that process, or exclude the file with a `!` line in `path`';
export const fileText = (path: string) => readFileSync(path, 'utf8');

export const archived: TreeSpec = { 'tree/a': 'new', 'tree/b': 'new', 'tree/c': 'new' };
export const present: TreeSpec = { 'tree/a': 'older', 'tree/b': 'older', 'tree/c': 'older' };

/** Stages `archived` over `present`, both in `tree/`. */
export async function over(spec: TreeSpec = archived, before: TreeSpec = present) {
  const found = await staged(spec, before, windowsTraits);
  const at = (name: string) => join(found.to, 'tree', name);
  return {
    ...found,
    at,
    contents: () => ['a', 'b', 'c'].map(name => fileText(at(name))),
    failure: () =>
      found.publish().then(
        () => expect.unreachable(),
        (error: TargetTreeError) => error,
      ),
  };
}
