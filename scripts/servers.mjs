// servers.mjs [vitest's arguments...] - runs the suite of servers (test/servers) against the gateway, its special buckets,
// nginx in front of it, and OpenStack Swift, and prints the table of docs/servers.md: server x result. A server that cannot
// be started is listed with the reason; with CI=true that is an error.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { root } from './project.mjs';

const report = path.join(tmpdir(), `cache-s3-servers-${process.pid}.json`);
const child = spawn(
  process.execPath,
  [
    path.join(root, 'node_modules/vitest/vitest.mjs'),
    'run',
    '--config=vitest.servers.config.ts',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
    ...process.argv.slice(2),
  ],
  { cwd: root, stdio: 'inherit' },
);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
const [code] = await once(child, 'exit');
const { testResults } = JSON.parse(await readFile(report, 'utf8'));
await rm(report);
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
process.exitCode = code ?? 1;
