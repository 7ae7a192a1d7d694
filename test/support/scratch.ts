import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { deleteTree } from './tree.ts';

/** A directory of the test's own, gone when the test is. */
export function scratch(): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'cache-s3-test-'));
  onTestFinished(() => deleteTree(directory));
  return directory;
}
