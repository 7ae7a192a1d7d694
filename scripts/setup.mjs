// setup.mjs - installs the packages of package-lock.json unless node_modules has them. Every npm script runs it first; it
// takes a few ms when nothing changed. Runs on Node 18 or later, without dependencies.

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs/promises';
import path from 'node:path';
import { withLock } from './lock.mjs';
import { fail, findNode, noNode, root } from './project.mjs';

const modules = path.join(root, 'node_modules');
const stamp = path.join(modules, '.setup-stamp');
const lockDirectory = path.join(root, '.cache-s3-setup');

const lock = await fs.readFile(path.join(root, 'package-lock.json'), 'utf8');
const wanted = createHash('sha256').update(lock).digest('hex');

if (!(await isDone())) {
  await withLock(lockDirectory, async () => (await isDone()) || (await install())).catch(error =>
    fail(error.message),
  );
}
if (!findNode()) fail(noNode());

async function isDone() {
  const found = await fs.readFile(stamp, 'utf8').catch(() => undefined);
  if (found === wanted) return true;
  // npm may have been run without this script.
  const complete = await matchesLockFile();
  if (complete) await fs.writeFile(stamp, wanted);
  return complete;
}

/** Returns whether npm's record of node_modules agrees with the lock file, except for packages of other platforms. */
async function matchesLockFile() {
  const record = await fs.readFile(path.join(modules, '.package-lock.json'), 'utf8').catch(() => undefined);
  if (!record) return false;
  const installed = JSON.parse(record).packages;
  const expected = Object.entries(JSON.parse(lock).packages).filter(([name]) => name !== '');
  return (
    Object.keys(installed).length <= expected.length &&
    expected.every(([name, { version, optional }]) =>
      installed[name] ? installed[name].version === version : optional === true,
    )
  );
}

async function install() {
  // npm's own script, if npm runs this one: on Windows `npm` is a .cmd file, which spawn does not start.
  const npm = process.env.npm_execpath;
  // `npm run --silent` would make this npm silent too, errors included.
  const ci = ['ci', '--loglevel=error', '--no-progress'];
  const [command, args] = npm?.endsWith('.js') ? [process.execPath, [npm, ...ci]] : ['npm', ci];
  console.error('setup: npm ci');
  const child = spawn(command, args, { cwd: root, shell: process.platform === 'win32' && command === 'npm' });
  const output = [];
  child.stdout.on('data', data => output.push(data));
  child.stderr.on('data', data => output.push(data));
  const code = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  if (code !== 0) {
    process.stderr.write(Buffer.concat(output));
    throw new Error(`setup: npm ci failed with exit code ${code}; its output is above.`);
  }
  await fs.writeFile(stamp, wanted);
}
