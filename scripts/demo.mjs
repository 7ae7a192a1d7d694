// demo.mjs [DIRECTORY] - saves and restores a real tree (DIRECTORY, by default this project's node_modules) through the
// built action, each phase in a process of its own as on a runner, checks every file, and prints how long it took.
// Against a RADOS Gateway started for the purpose, or a directory of this host where that cannot be started.

import { existsSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { runStep } from '../test/support/action-step.ts';
import { GatewayUnavailableError, startGateway } from '../test/support/gateway/gateway.ts';
import { describeTree } from '../test/support/tree.ts';
import { build } from './build.mjs';
import { root } from './project.mjs';

const source = path.resolve(process.argv[2] ?? path.join(root, 'node_modules'));
const scratch = await fs.mkdtemp(path.join(tmpdir(), 'cache-s3-demo-'));
const workspace = path.join(scratch, 'octo-repo');
const tree = path.join(workspace, 'tree');

let gateway;
try {
  gateway = await openGateway();
  await demonstrate(await checkout(), gateway ? gatewayInputs(gateway) : directoryInputs());
} catch (error) {
  console.error(`demo: ${error.message}`);
  process.exitCode = 1;
} finally {
  await gateway?.stop();
  await fs.rm(scratch, { recursive: true, force: true });
}

/** What a runner downloads: the action's files, with no node_modules above them. */
async function checkout() {
  if (!existsSync(path.join(root, 'dist/index.js'))) {
    console.log('dist/ is missing, building it');
    await build(path.join(root, 'dist'));
  }
  const actionDir = path.join(scratch, 'action');
  for (const name of ['dist', 'action.yml', 'restore', 'save']) {
    await fs.cp(path.join(root, name), path.join(actionDir, name), { recursive: true });
  }
  return actionDir;
}

async function openGateway() {
  try {
    return await startGateway();
  } catch (error) {
    if (!(error instanceof GatewayUnavailableError)) throw error;
    console.log(`No RADOS Gateway (${error.message}): the archives go to a directory.`);
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
  console.log(`Copying ${source}`);
  await fs.mkdir(workspace);
  await fs.cp(source, tree, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
  const wanted = await describeTree(tree);
  const step = {
    actionDir,
    workspace,
    inputs: { path: 'tree', key: 'demo', 'use-fallback': 'false', ...target },
  };

  const miss = await phase({ ...step, entry: 'main' });
  check(miss.outputs['cache-matched-key'] ?? '', '', 'the first restore finds nothing');
  const save = await phase({ ...step, entry: 'post', state: miss.state });
  await fs.rm(tree, { recursive: true });
  const hit = await phase({ ...step, entry: 'main' });
  check(hit.outputs['cache-hit'], 'true', 'the second restore finds the key');
  checkTree(await describeTree(tree), wanted);

  const entries = Object.values(wanted);
  const bytes = entries.reduce((sum, { size = 0 }) => sum + size, 0);
  const stored = Number(hit.outputs['cache-size']);
  console.log(`
${entries.length} entries: type, mode, mtime (µs), size, SHA-256 and links are what they were.
${megabytes(bytes)} of files, ${megabytes(stored)} stored (${((100 * stored) / bytes).toFixed(0)} %)
`);
  console.log(row('phase', 'seconds', 'MB/s of files'));
  console.log(row('restore, nothing there', seconds(miss.ms), ''));
  console.log(row('save', seconds(save.ms), rate(bytes, save.ms)));
  console.log(row('restore', seconds(hit.ms), rate(bytes, hit.ms)));
}

async function phase(step) {
  const result = await runStep(step);
  const name = step.entry === 'main' ? 'main' : 'post';
  for (const line of result.stdout.trimEnd().split('\n')) console.log(`  ${name} | ${line}`);
  if (result.exitCode !== 0) throw new Error(`${name} ended with ${result.exitCode ?? result.signal}`);
  return result;
}

function check(actual, expected, what) {
  if (actual !== expected) throw new Error(`it does not hold that ${what}: ${actual}`);
}

/** Entry by entry: a diff of two whole descriptions takes minutes. */
function checkTree(actual, expected) {
  const names = [...new Set([...Object.keys(expected), ...Object.keys(actual)])];
  const different = names.filter(name => !isDeepStrictEqual(actual[name], expected[name]));
  if (different.length === 0) return;
  const [name] = different;
  const [was, is] = [expected[name], actual[name]].map(entry => JSON.stringify(entry) ?? 'nothing');
  throw new Error(`${different.length} entries are not as they were; ${name} was ${was}, is ${is}`);
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
