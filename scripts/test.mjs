// Runs the tests, lists the skipped ones with the reason, and ends with the line `N passed, N failed`, after one with the
// number of the skipped ones. With CI=true up to three files that failed run once more, alone: a machine that
// stalls and a crash of Node cost no run. What passed only then is listed as unstable, with the first failure above it in
// the output.

import path from 'node:path';
import { sharedGateway, shareGateway } from '../test/support/gateway/shared-gateway.ts';
import { ensureDist } from './build.mjs';
import { root, scriptArguments } from './project.mjs';
import { countTests, listSkipped } from './test-report.mjs';
import { runVitest } from './vitest.mjs';

const USAGE = `npm test -- [--unit | --local] [ARGUMENTS OF VITEST]
  --unit    only the unit tests
  --local   all tests that need no gateway
  FILES     only these test files or directories, such as test/storage`;

const withoutGateway = { '--unit': ['unit'], '--local': ['unit', 'local'] };
const [projects, vitestArgs] = readArguments(scriptArguments(USAGE));

/** Files that may run once more. More failures are no accident. */
const MAX_UNSTABLE_FILES = 3;

let gateway;
let exitCode = 1;
let counts = { passed: 0, failed: 1, skipped: 0 };
try {
  if (projects.length === 0) {
    // The end-to-end tests run the committed dist/, as a runner does.
    await ensureDist();
    gateway = await shareGateway();
  }
  const run = await runProjects(vitestArgs);
  exitCode = run.exit;
  counts = summarize(await withSecondRun(run));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
} finally {
  await gateway?.stop();
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

function runProjects(args) {
  return runVitest([...projects.flatMap(project => ['--project', project]), ...args]);
}

/** Runs files that failed once more in CI, and returns the results of all files. Sets `exitCode` to 0 if all pass then. */
async function withSecondRun({ exit, testResults: files }) {
  const failed = files.filter(({ status }) => status === 'failed').map(({ name }) => name);
  if (process.env.CI !== 'true' || exit !== 1 || failed.length === 0 || failed.length > MAX_UNSTABLE_FILES) {
    return files;
  }
  console.log(`\nRunning again, alone: ${failed.map(relative).join(', ')}\n`);
  const again = await runProjects(failed);
  exitCode = again.exit;
  for (const { name, status } of again.testResults) {
    if (status === 'passed') console.log(`unstable: ${relative(name)} passed only when it ran again, alone`);
  }
  return [...files.filter(({ name }) => !failed.includes(name)), ...again.testResults];
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
