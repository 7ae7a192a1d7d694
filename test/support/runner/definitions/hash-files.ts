import path from 'node:path';
import { hashFiles as hash } from '@actions/glob';
import { observe } from '../../../../src/storage/github/process-hooks.ts';

/**
 * `hashFiles()` of an expression: relative patterns start at the workspace, files outside it do not count. The
 * runner's own is the same library function.
 */
export async function hashFiles(patterns: readonly string[], workspace: string): Promise<string> {
  const absolute = patterns
    .flatMap(pattern => pattern.split('\n'))
    .map(line => anchored(line.trim(), workspace));
  // the library prints every file that it reads
  const silent = { onWrite() {}, onRequest() {}, onChild() {} };
  return observe(silent, () => hash(absolute.join('\n'), workspace));
}

/** The library takes the process's directory as the start; a test has several workspaces in one process. */
function anchored(pattern: string, workspace: string): string {
  const [, exclusion = '', rest = ''] = /^(!*)\s*(.*)$/.exec(pattern) ?? [];
  if (rest === '' || rest.startsWith('#') || rest.startsWith('~') || path.isAbsolute(rest)) return pattern;
  return `${exclusion}${path.join(workspace, rest)}`;
}
