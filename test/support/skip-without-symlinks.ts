/**
 * Skips each test that makes a symlink where the system makes none, with the reason. A setup file of vitest: otherwise a
 * hundred tests would state the need one by one, and one that does not would fail only there.
 */

import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { TestRunner } from 'vitest';
import { skipWithout, symlinks } from './platform-needs.ts';

if (symlinks.missing !== undefined) {
  const { symlinkSync } = fs;
  const { symlink } = fs.promises;
  const inTest = () => TestRunner.getCurrentTest() !== undefined;
  fs.symlinkSync = (...link) => (inTest() ? skipWithout(symlinks) : symlinkSync(...link));
  fs.promises.symlink = async (...link) => (inTest() ? skipWithout(symlinks) : symlink(...link));
  syncBuiltinESMExports();
}
