// Saves and restores a tree with the built action, each phase in its own process as on a runner. Compares every file and
// prints the durations. Starts a RADOS Gateway to store the archive; where none can be started, a directory of this host
// stores it.

import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { copyCheckout } from '../test/support/checkout.ts';
import { GatewayUnavailableError, startGateway } from '../test/support/gateway/gateway.ts';
import { runAction } from '../test/support/runner/run-action.ts';
import { describeTree, treeDifferences } from '../test/support/tree.ts';
import { ensureDist } from './build.mjs';
import { root, scriptArguments } from './project.mjs';

const USAGE = 'npm run demo -- [DIRECTORY]   DIRECTORY is the tree (node_modules of this project)';

const [directory = path.join(root, 'node_modules')] = scriptArguments(USAGE);
const source = path.resolve(directory);
const scratch = await fs.mkdtemp(path.join(tmpdir(), 'cache-s3-demo-'));
const workspace = path.join(scratch, 'octo-repo');
const tree = path.join(workspace, 'tree');

let gateway;
let checkout;
try {
  gateway = await startGatewayIfPossible();
  await ensureDist();
  checkout = await copyCheckout('cache-s3-demo-action-');
  console.log(
    `A ${gateway ? 'RADOS Gateway on this machine' : 'directory of this machine'} stores the cache.`,
  );
  await demonstrate(checkout.directory, gateway ? gatewayInputs(gateway) : directoryInputs());
} catch (error) {
  console.error(`demo: ${error.message}`);
  process.exitCode = 1;
} finally {
  await gateway?.stop();
  await checkout?.remove();
  await fs.rm(scratch, { recursive: true, force: true });
}

async function startGatewayIfPossible() {
  try {
    return await startGateway();
  } catch (error) {
    if (!(error instanceof GatewayUnavailableError)) throw error;
    console.log(`No RADOS Gateway could be started: ${error.message}.`);
    return undefined;
  }
}

function gatewayInputs({ endpoint, bucket, accessKey, secretKey, region }) {
  return { endpoint, insecure: 'true', bucket, accessKey, secretKey, region };
}

function directoryInputs() {
  return { endpoint: `file://${path.join(scratch, 'store')}`, bucket: 'demo' };
}

async function demonstrate(actionDir, target) {
  console.log(`Copying ${source}, to save and restore the copy\n`);
  await fs.mkdir(workspace);
  await fs.cp(source, tree, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
  const wanted = await describeTree(tree);
  const step = {
    actionDir,
    workspace,
    inputs: { path: 'tree', key: 'demo', 'use-fallback': 'false', ...target },
  };

  const miss = await phase({ ...step, entry: 'main' });
  check('cache-matched-key of the first restore', miss.outputs['cache-matched-key'] ?? '', '');
  const save = await phase({ ...step, entry: 'post', state: miss.state });
  await fs.rm(tree, { recursive: true });
  const hit = await phase({ ...step, entry: 'main' });
  check('cache-hit of the second restore', hit.outputs['cache-hit'], 'true');
  checkTree(await describeTree(tree), wanted);

  const entries = Object.values(wanted);
  const bytes = entries.reduce((sum, { size = 0 }) => sum + size, 0);
  const stored = Number(hit.outputs['cache-size']);
  console.log(`
All ${entries.length.toLocaleString('en-US')} entries below the directory have the type, mode, modification time (µs), content and links of the original.
${megabytes(bytes)} of files, ${megabytes(stored)} stored (${((100 * stored) / bytes).toFixed(0)} %)
`);
  console.log(row('phase', 'seconds', 'MB/s of files'));
  console.log(row('restore, miss', seconds(miss.ms), ''));
  console.log(row('save', seconds(save.ms), rate(bytes, save.ms)));
  console.log(row('restore', seconds(hit.ms), rate(bytes, hit.ms)));
}

async function phase(step) {
  const result = await runAction(step);
  const name = step.entry === 'main' ? 'restore' : 'save';
  for (const line of result.stdout.trimEnd().split('\n')) console.log(`  ${name.padEnd(7)} | ${line}`);
  if (result.exitCode !== 0) throw new Error(`${name} failed with ${result.exitCode ?? result.signal}`);
  return result;
}

function check(what, actual, expected) {
  if (actual !== expected) throw new Error(`${what} is '${actual}', expected '${expected}'`);
}

function checkTree(actual, expected) {
  const differences = treeDifferences(actual, expected);
  if (differences.length > 0)
    throw new Error(`${differences.length} entries have changed: ${differences[0]}`);
}

function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

function seconds(ms) {
  return (ms / 1000).toFixed(2);
}

function rate(bytes, ms) {
  return (bytes / 1e3 / ms).toFixed(0);
}

function row(name, first, second) {
  return `${name.padEnd(24)}${first.padStart(9)}${second.padStart(16)}`;
}
