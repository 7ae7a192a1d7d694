import path from 'node:path';
import { hashFiles as hash } from '@actions/glob';
import { observe } from '../../../../src/storage/process-hooks.ts';

/**
 * Computes `hashFiles()` of an expression, by the library function of the runner. Relative patterns start at the workspace,
 * and files outside it do not count.
 */
export async function hashFiles(patterns: readonly string[], workspace: string): Promise<string> {
  const absolute = patterns
    .flatMap(pattern => pattern.split('\n'))
    .map(line => anchored(line.trim(), workspace));
  // The library prints every file that it reads
  const silent = { onWrite() {}, onRequest() {}, onChild() {} };
  return observe(silent, () => hash(absolute.join('\n'), workspace));
}

/** Makes a pattern absolute: the library starts at the process's directory, and a test has several workspaces. */
function anchored(pattern: string, workspace: string): string {
  const [, exclusion = '', rest = ''] = /^(!*)\s*(.*)$/.exec(pattern) ?? [];
  if (rest === '' || rest.startsWith('#') || rest.startsWith('~') || path.isAbsolute(rest)) return pattern;
  return `${exclusion}${path.join(workspace, rest)}`;
}
