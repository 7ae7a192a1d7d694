import path from 'node:path';

/** Returns a path as tests write it: with `/` where the system's separator is another. */
export function slashed(name: unknown): string {
  return path.sep === '/' ? String(name) : String(name).replaceAll(path.sep, '/');
}
