import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { deleteTree } from './tree.ts';

/** Makes a directory for the current test, which is removed at its end. */
export function scratch(): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'cache-s3-test-'));
  onTestFinished(() => deleteTree(directory));
  return directory;
}
