import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../..');

/** The project's dependencies: real text, the same for the same lock file. */
export const nodeModules = path.join(root, 'node_modules');

/** Returns a digest of package-lock.json, and so of node_modules: 12 hex digits. */
export function lockDigest(): string {
  const lock = readFileSync(path.join(root, 'package-lock.json'));
  return createHash('sha256').update(lock).digest('hex').slice(0, 12);
}
