import * as fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { isRootOwned } from '../../../src/archive/disk-cache/root-owned.ts';
import { isRoot } from '../../support/drop-privileges.ts';
import { scratch } from '../../support/scratch.ts';

/** Returns a directory in a directory, both of root. */
function nested(): { readonly parent: string; readonly directory: string } {
  const parent = path.join(fs.realpathSync(scratch()), 'parent');
  const directory = path.join(parent, 'frames');
  fs.mkdirSync(directory, { recursive: true });
  fs.chmodSync(parent, 0o755);
  fs.chmodSync(directory, 0o777);
  return { parent, directory };
}

test.skipIf(!isRoot)('root owns a directory that all users may write to, but not replace', () => {
  const { parent, directory } = nested();
  expect(isRootOwned(directory)).toBe(true);
  fs.chmodSync(parent, 0o1777);
  expect(isRootOwned(directory)).toBe(true);
});

test.skipIf(!isRoot)('root does not own a directory that others own, or could replace', () => {
  const { parent, directory } = nested();
  fs.chmodSync(parent, 0o777);
  expect(isRootOwned(directory)).toBe(false);
  fs.chmodSync(parent, 0o755);
  fs.chownSync(parent, 65534, 65534);
  expect(isRootOwned(directory)).toBe(false);
  fs.chownSync(parent, 0, 0);
  fs.chownSync(directory, 65534, 65534);
  expect(isRootOwned(directory)).toBe(false);
});
