// test.mjs [--unit | --local] [vitest's arguments...] - runs the tests, lists the skipped ones with the reason, and ends
// with the line `N passed, N failed`, after one with the number of the skipped ones. --unit runs the unit tests only,
// --local all tests that need no gateway. With CI=true up to three files that failed run once more, alone: a machine that
// stalls and a crash of Node cost no run. What passed only then is listed as unstable, with the first failure above it in
// the output.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import path from 'node:path';
import { sharedGateway, shareGateway } from '../test/support/gateway/shared-gateway.ts';
import { ensureDist } from './build.mjs';
import { root } from './project.mjs';
import { countTests, listSkipped } from './test-report.mjs';

const withoutGateway = { '--unit': ['unit'], '--local': ['unit', 'local'] };
const [projects, vitestArgs] = readArguments(process.argv.slice(2));

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** Files that may run once more. More failures are no accident. */
const MAX_UNSTABLE_FILES = 3;

const scratch = await fs.mkdtemp(path.join(tmpdir(), 'cache-s3-test-'));
let gateway;
let exitCode = 1;
let counts = { passed: 0, failed: 1, skipped: 0 };
try {
  if (projects.length === 0) {
    // The end-to-end tests run the committed dist/, as a runner does.
    await ensureDist();
    gateway = await shareGateway();
  }
  const run = await runVitest('report.json', vitestArgs);
  exitCode = run.exitCode;
  counts = summarize(await withSecondRun(run));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
} finally {
  await gateway?.stop();
  await fs.rm(scratch, { recursive: true, force: true });
}
const { passed, failed, skipped } = counts;
process.exitCode = exitCode || (failed > 0 ? 1 : 0);
if (skipped > 0) console.log(`${skipped} skipped`);
console.log(`${passed} passed, ${failed} failed`);

/** Returns the requested projects of vitest.config.ts (none for all of them) and the arguments for vitest. */
function readArguments(args) {
  const flags = args.filter(argument => argument in withoutGateway);
  return [flags.flatMap(flag => withoutGateway[flag]), args.filter(argument => !flags.includes(argument))];
}

/** Runs vitest. Returns its exit code and the results of each test file. */
async function runVitest(reportName, args) {
  const report = path.join(scratch, reportName);
  const child = spawn(
    process.execPath,
    [
      path.join(root, 'node_modules/vitest/vitest.mjs'),
      'run',
      ...projects.flatMap(project => ['--project', project]),
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
      ...args,
    ],
    { cwd: root, stdio: 'inherit' },
  );
  // The gateway may stop only after vitest has ended.
  const end = signal => child.kill(signal);
  for (const signal of SIGNALS) process.on(signal, end);
  const [code, signal] = await once(child, 'exit');
  for (const signal of SIGNALS) process.off(signal, end);
  const exitCode = code ?? 128 + (constants.signals[signal] ?? 0);
  if (!existsSync(report)) {
    throw new Error(`vitest failed with exit code ${exitCode} before it ran the tests.`);
  }
  const { testResults } = JSON.parse(await fs.readFile(report, 'utf8'));
  return { exitCode, files: testResults };
}

/** Runs files that failed once more in CI, and returns the results of all files. Sets `exitCode` to 0 if all pass then. */
async function withSecondRun({ exitCode: code, files }) {
  const failed = files.filter(({ status }) => status === 'failed').map(({ name }) => name);
  if (process.env.CI !== 'true' || code !== 1 || failed.length === 0 || failed.length > MAX_UNSTABLE_FILES) {
    return files;
  }
  console.log(`\nRunning again, alone: ${failed.map(relative).join(', ')}\n`);
  const again = await runVitest('second-report.json', failed);
  exitCode = again.exitCode;
  for (const { name, status } of again.files) {
    if (status === 'passed') console.log(`unstable: ${relative(name)} passed only when it ran again, alone`);
  }
  return [...files.filter(({ name }) => !failed.includes(name)), ...again.files];
}

/** Counts the tests and lists the skipped ones. */
function summarize(files) {
  const shared = sharedGateway();
  if (shared && 'unavailable' in shared) {
    console.log(`\nTests that need a RADOS Gateway were skipped: ${shared.unavailable}`);
  }
  const report = { testResults: files, exit: exitCode };
  listSkipped([report]);
  return countTests(report);
}

function relative(file) {
  return path.relative(root, file);
}
