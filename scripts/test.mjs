// test.mjs [--unit | --local] [vitest's arguments...] - runs the tests, says what was skipped and why, and ends with the
// line `N passed, N failed` (and `, N skipped`). --unit: the unit tests alone; --local: all that needs no gateway.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import path from 'node:path';
import { sharedGateway, shareGateway } from '../test/support/gateway/shared.ts';
import { build } from './build.mjs';
import { fail, root } from './project.mjs';

const withoutGateway = { '--unit': ['unit'], '--local': ['unit', 'local'] };
const [projects, vitestArgs] = readArguments(process.argv.slice(2));

const scratch = await fs.mkdtemp(path.join(tmpdir(), 'cache-s3-test-'));
const report = path.join(scratch, 'report.json');
let gateway;
let exitCode = 1;
let counts = { passed: 0, failed: 1, skipped: 0 };
try {
  if (projects.length === 0) {
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

/** The projects of vitest.config.ts that were asked for, none meaning all, and vitest's own arguments. */
function readArguments(args) {
  const flags = args.filter(argument => argument in withoutGateway);
  return [flags.flatMap(flag => withoutGateway[flag]), args.filter(argument => !flags.includes(argument))];
}

/** The end-to-end tests run the committed dist/, as a runner would; only where there is none is it built. */
async function ensureDist() {
  if (existsSync(path.join(root, 'dist/index.js'))) return;
  console.error('test: dist/ is missing, building it');
  await build(path.join(root, 'dist')).catch(error =>
    fail(`dist/ is missing and cannot be built: ${error.message}`),
  );
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
  // wait for vitest's own end, then stop the gateway
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  const [code, signal] = await once(child, 'exit');
  return code ?? 128 + (constants.signals[signal] ?? 0);
}

async function readReport() {
  if (existsSync(report)) return fs.readFile(report, 'utf8');
  throw new Error(`vitest ended with ${exitCode} before it had run the tests.`);
}

/** Counts over all tests; a file that could not even be loaded, or an error outside any test, counts as one failure. */
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
