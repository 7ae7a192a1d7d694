import { createRunnerLog } from '../../../src/action/runner/runner.ts';
import { JobRecords } from '../../../src/records/job-records.ts';
import { WaitedTime } from '../../../src/retry/stall-limit.ts';
import { GitHubBackend } from '../../../src/storage/github/github-backend.ts';
import { silentLog } from '../../support/silent-log.ts';
import { SHORT_LIMITS } from './short-limits.ts';

/**
 * Program: `lookup` or `restore` and a request in JSON. Logs to the runner as the action does, then prints the outcome
 * in a line of its own and ends the process.
 */
const [, , method, request] = process.argv as [string, string, 'lookup' | 'restore', string];
const backend = new GitHubBackend({
  load: () => import('@actions/cache'),
  log: createRunnerLog(process.env),
  records: new JobRecords(undefined, silentLog),
  limits: SHORT_LIMITS,
  waited: new WaitedTime(),
});
// JSON has no functions
const outcome = await backend[method]({ ...JSON.parse(request), includedPaths: () => ['./tree'] });
const text = JSON.stringify(outcome, (_, value) => (value instanceof Error ? String(value) : value));
process.stdout.write(`outcome: ${text}\n`, () => process.exit());
