/**
 * Properties of the system that tests need. They are found by trying, because a system of one name differs: Windows makes
 * symlinks for some users only, Wine for none.
 */

import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { TestRunner } from 'vitest';
import { isRoot } from './drop-privileges.ts';

declare module 'vitest' {
  interface TaskMeta {
    /** The reason why the test is skipped. */
    skipReason?: string;
  }
}

/** A property of the system. `missing` is the reason for a log if the system does not have it. */
export interface Need {
  readonly missing: string | undefined;
}

/** Returns the options of a test, or a group, that needs these properties: it is skipped with the reason without them. */
export function requires(...needs: readonly Need[]) {
  const reasons = needs.flatMap(({ missing }) => missing ?? []);
  return {
    skip: reasons.length > 0,
    ...(reasons.length > 0 && { meta: { skipReason: reasons.join(', ') } }),
  };
}

/**
 * Skips the test that runs, with the reason, unless the system has the property. For helpers, which know what a tree needs.
 * @throws Error outside of tests.
 */
export function skipWithout({ missing }: Need): void {
  if (missing === undefined) return;
  const test = TestRunner.getCurrentTest();
  if (test === undefined) throw new Error(missing);
  test.meta.skipReason = missing;
  test.context.skip(missing);
}

/** Returns a need that `works` tests in an empty directory, when it is first used. Throwing means that it does not work. */
function tried(reason: string, works: (directory: string) => boolean): Need {
  let found: { readonly missing: string | undefined } | undefined;
  return {
    get missing() {
      found ??= { missing: holds(works) ? undefined : reason };
      return found.missing;
    },
  };
}

function holds(works: (directory: string) => boolean): boolean {
  const directory = fs.mkdtempSync(path.join(tmpdir(), 'cache-s3-need-'));
  try {
    return works(directory);
  } catch {
    return false;
  } finally {
    try {
      fs.rmSync(directory, { recursive: true, force: true });
    } catch {
      // A name that can be made and not be removed
    }
  }
}

/** Symlinks: Windows needs a privilege, and Wine reports success without a link. */
export const symlinks = tried('symlinks cannot be made', directory => {
  const link = path.join(directory, 'link');
  fs.symlinkSync('target', link);
  return fs.lstatSync(link).isSymbolicLink();
});

/** Times of read-only files: Wine clears the attribute when it sets them, or refuses. */
export const readOnlyTimes = tried('setting times clears the read-only attribute', directory => {
  const file = path.join(directory, 'file');
  fs.writeFileSync(file, '', { mode: 0o444 });
  const unchanged = () => (fs.statSync(file).mode & 0o222) === 0;
  if (!unchanged()) return false;
  fs.utimesSync(file, 1e9, 1e9);
  return unchanged() && fs.statSync(file).mtimeMs === 1e12;
});

/** Permissions of owner, group and others: Windows has the read-only attribute alone. */
export const modes = tried('files have no modes', directory => {
  fs.chmodSync(directory, 0o750);
  return (fs.statSync(directory).mode & 0o777) === 0o750;
});

/** FIFOs that `mkfifo` makes. */
export const fifos = tried('FIFOs cannot be made', directory => {
  execFileSync('mkfifo', [path.join(directory, 'fifo')], { stdio: 'ignore' });
  return fs.statSync(path.join(directory, 'fifo')).isFIFO();
});

/** Names with characters that Windows reserves, as for streams. */
export const anyNames = tried('some names cannot be made', directory => {
  const names = ['a:b', 'a?', 'a\t'];
  for (const name of names) fs.writeFileSync(path.join(directory, name), '');
  return fs.readdirSync(directory).length === names.length;
});

/** An error of its own for a name over the limit of the system. Windows reports it as missing. */
export const longNameErrors = tried('a name that is too long is reported as missing', directory => {
  try {
    fs.statSync(path.join(directory, 'n'.repeat(300)));
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENAMETOOLONG';
  }
  return false;
});

/** Names that differ only in case. */
export const caseTwins = tried('names that differ only in case are one name', directory => {
  for (const name of ['a', 'A']) fs.writeFileSync(path.join(directory, name), '');
  return fs.readdirSync(directory).length === 2;
});

/** Times before 1970. */
export const earlyTimes = tried('times before 1970 cannot be set', directory => {
  const early = new Date(-1e6);
  fs.utimesSync(directory, early, early);
  return fs.statSync(directory).mtimeMs === -1e6;
});

/** Access times that can be set: Wine sets the current time. */
export const accessTimes = tried('access times cannot be set', directory => {
  const file = path.join(directory, 'file');
  fs.writeFileSync(file, '');
  fs.utimesSync(file, 1e9, 1e9);
  return fs.statSync(file).atimeMs === 1e12;
});

/** Birth times that stay: Wine reports the time of the last change. */
export const birthTimes = tried('the birth time of a file changes with its content', directory => {
  const file = path.join(directory, 'file');
  fs.writeFileSync(file, '');
  const before = fs.statSync(file, { bigint: true }).birthtimeNs;
  fs.utimesSync(file, 1e9, 1e9);
  return fs.statSync(file, { bigint: true }).birthtimeNs === before;
});

const isWine = process.env.WINEPREFIX !== undefined;

/** Appends of several processes at once to one file. Wine reads the end of the file and writes there, in two calls. */
export const sharedAppends: Need = {
  missing: isWine ? 'appends of two processes overwrite each other' : undefined,
};

/** Directories of thousands of files: for each new name, Wine reads all names of the directory to compare their case. */
export const largeDirectories: Need = {
  missing: isWine ? 'a directory of thousands of files takes minutes' : undefined,
};

/** The program of @actions/cache, in GNU's or BSD's version. */
export const tar = program('tar');

/** The program that makes the certificates of tests. */
export const openssl = program('openssl', ['version']);

/** A program that succeeds with these arguments. */
export function program(
  command: string,
  args: readonly string[] = ['--version'],
  reason = `${command} is not installed`,
): Need {
  return tried(reason, () => {
    execFileSync(command, args, { stdio: 'ignore' });
    return true;
  });
}

/** Signals that a process can handle or be stopped with, users and devices as POSIX has them. */
export const posix: Need = { missing: process.platform === 'win32' ? 'not for Windows' : undefined };

/** Refusals of Windows itself, such as to replace a file that is in use. */
export const windows: Need = { missing: process.platform === 'win32' ? undefined : 'only for Windows' };

/** The system on which the bench runs. */
export const linux: Need = { missing: process.platform === 'linux' ? undefined : 'only for Linux' };

/** Users of any number, and files that others own. */
export const root: Need = { missing: isRoot ? undefined : 'only for root' };

/** File systems that root can mount. A plain container does not allow it. */
export const mounting: Need = {
  get missing() {
    return (
      linux.missing ??
      root.missing ??
      program('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'none', '/mnt'], 'no file system can be mounted')
        .missing
    );
  },
};

/** Returns a need that a test has tried itself. */
export function need(isMet: unknown, missing: string): Need {
  return { missing: isMet ? undefined : missing };
}
