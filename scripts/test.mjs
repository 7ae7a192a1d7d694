// test.mjs [--unit | --local] [vitest's arguments...] - runs the tests, lists the skipped ones and the reason, and ends
// with the line `N passed, N failed` (and `, N skipped`). --unit runs the unit tests only, --local all tests that need no
// gateway.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import path from 'node:path';
import { sharedGateway, shareGateway } from '../test/support/gateway/shared-gateway.ts';
import { ensureDist } from './build.mjs';
import { root } from './project.mjs';

const withoutGateway = { '--unit': ['unit'], '--local': ['unit', 'local'] };
const [projects, vitestArgs] = readArguments(process.argv.slice(2));

const scratch = await fs.mkdtemp(path.join(tmpdir(), 'cache-s3-test-'));
const report = path.join(scratch, 'report.json');
let gateway;
let exitCode = 1;
let counts = { passed: 0, failed: 1, skipped: 0 };
try {
  if (projects.length === 0) {
    // The end-to-end tests run the committed dist/, as a runner does.
    await ensureDist();
    gateway = await shareGateway();
  }
  exitCode = await runVitest();
  counts = await summarize();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
} finally {
  await gateway?.stop();
  await fs.rm(scratch, { recursive: true, force: true });
}
const { passed, failed, skipped } = counts;
process.exitCode = exitCode || (failed > 0 ? 1 : 0);
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);

/** Returns the requested projects of vitest.config.ts (none for all of them) and the arguments for vitest. */
function readArguments(args) {
  const flags = args.filter(argument => argument in withoutGateway);
  return [flags.flatMap(flag => withoutGateway[flag]), args.filter(argument => !flags.includes(argument))];
}

async function runVitest() {
  const child = spawn(
    process.execPath,
    [
      path.join(root, 'node_modules/vitest/vitest.mjs'),
      'run',
      ...projects.flatMap(project => ['--project', project]),
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
      ...vitestArgs,
    ],
    { cwd: root, stdio: 'inherit' },
  );
  // The gateway may stop only after vitest has ended.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  const [code, signal] = await once(child, 'exit');
  return code ?? 128 + (constants.signals[signal] ?? 0);
}

async function readReport() {
  if (existsSync(report)) return fs.readFile(report, 'utf8');
  throw new Error(`vitest failed with exit code ${exitCode} before it ran the tests.`);
}

/** Counts the tests and lists the skipped ones. A file that cannot be loaded and an error outside tests count as a failure. */
async function summarize() {
  const { testResults } = JSON.parse(await readReport());
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const { name, status, assertionResults } of testResults) {
    const skipped = assertionResults.filter(test => !['passed', 'failed'].includes(test.status));
    const failed = assertionResults.filter(test => test.status === 'failed');
    counts.passed += assertionResults.length - skipped.length - failed.length;
    counts.failed += failed.length || (status === 'failed' ? 1 : 0);
    counts.skipped += skipped.length;
    listSkipped(path.relative(root, name), skipped);
  }
  if (exitCode !== 0 && counts.failed === 0) counts.failed = 1;
  const shared = sharedGateway();
  if (shared && 'unavailable' in shared) {
    console.log(`\nTests that need a RADOS Gateway were skipped: ${shared.unavailable}`);
  }
  console.log('');
  return counts;
}

function listSkipped(file, tests) {
  for (const test of tests) console.log(`skipped: ${file} > ${test.fullName}`);
}
