// Runs the suite of servers (test/servers) against the gateway, its special buckets, nginx in front of it, and OpenStack
// Swift, and prints the table of docs/servers.md: server x result. A server that cannot be started is listed with the reason;
// with CI=true that is an error.

import { fail, scriptArguments } from './project.mjs';
import { runVitest } from './vitest.mjs';

const USAGE = 'npm run test:servers -- [ARGUMENTS OF VITEST]   such as -t Swift, for the rows with this word';

const config = '--config=vitest.servers.config.ts';
const { testResults, exit } = await runVitest([config, ...scriptArguments(USAGE)]).catch(error =>
  fail(error.message),
);
const rows = new Map();
for (const { assertionResults, message } of testResults) {
  if (message) console.log(message);
  for (const { ancestorTitles, status } of assertionResults) {
    const row = rows.get(ancestorTitles[0]) ?? { passed: 0, failed: 0, skipped: 0 };
    row[status in row ? status : 'skipped']++;
    rows.set(ancestorTitles[0], row);
  }
}
console.log('\n| Server | Cases that hold | failed | not run |\n| --- | --- | --- | --- |');
for (const [server, { passed, failed, skipped }] of rows)
  console.log(`| ${server} | ${passed} | ${failed} | ${skipped} |`);
process.exitCode = exit;
