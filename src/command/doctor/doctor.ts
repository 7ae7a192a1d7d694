/** This folder is `cache-s3 doctor`, which tries each call that a job makes, before the first job. */

import { cachesRoot, markersRoot } from '../../cache/keys/cache-names.ts';
import type { TrialPlace } from '../../cache/keys/trial-names.ts';
import { CommandError } from '../command-error.ts';
import type { Invocation } from '../invocation.ts';
import { writeJson } from '../output/json.ts';
import { writeTable } from '../output/table.ts';
import { checkDirectory } from './check-directory.ts';
import { checkServer } from './check-server.ts';
import type { Finding } from './finding.ts';

/**
 * Checks the store step by step, by trial objects that it deletes at the end. Throws `CommandError` if a check that jobs
 * depend on has failed.
 */
export async function runDoctor(invocation: Invocation, options: Partial<TrialPlace>): Promise<void> {
  const { output, target, log, place, prefix, store, signal } = invocation;
  const { repository, scope } = options;
  if (scope !== undefined && repository === undefined) {
    throw new CommandError('--scope is the scope of a repository: use it with --repository.');
  }
  const findings: Finding[] = [];
  const progress = output.progress('Checking');
  const report = (finding: Finding) => {
    signal.throwIfAborted();
    findings.push(finding);
    progress.update(`Checked: ${finding.check}`);
  };
  const prefixes = {
    caches: cachesRoot(prefix, repository, scope),
    markers: markersRoot(prefix, repository, scope),
  };
  try {
    if (target.kind === 'directory')
      await checkDirectory({ store, root: target.root, prefixes, signal }, report);
    else await checkServer({ settings: target.settings, prefixes, log, signal }, report);
  } finally {
    progress.end();
  }
  const failed = findings.filter(({ result }) => result === 'failed');
  if (output.json) await writeJson(output, { place, checks: findings });
  else await writeReport(invocation, findings);
  if (failed.length > 0) {
    const names = failed.map(({ check }) => check).join(', ');
    throw new CommandError(
      `${failed.length === 1 ? 'A check' : `${failed.length} checks`} of ${place} failed: ${names}.`,
    );
  }
}

async function writeReport({ output, place }: Invocation, findings: readonly Finding[]): Promise<void> {
  await output.lines(place, '');
  const columns = [{ title: 'CHECK' }, { title: 'RESULT' }, { title: 'FOUND' }];
  await writeTable(
    output,
    columns,
    findings.map(({ check, result, found }) => [check, result, found]),
  );
  for (const { check, result, meaning, fix } of findings) {
    if (result !== 'failed' && result !== 'limited') continue;
    await output.lines('', `${check} (${result})`);
    if (meaning !== undefined) await output.lines(`  Meaning: ${meaning}`);
    if (fix !== undefined) await output.lines(`  Change:  ${fix}`);
  }
}
