// on24.mjs SCRIPT ARGS... - runs a script with Node 24, also when an older Node runs npm.

import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import path from 'node:path';
import { fail, findNode, noNode } from './project.mjs';

const [script, ...args] = process.argv.slice(2);
if (!script) fail('usage: node scripts/on24.mjs SCRIPT ARGS...');
const node = findNode() ?? fail(noNode());

const child = spawn(node, [script, ...args], {
  stdio: 'inherit',
  // A program that the script starts as `node` must be the same Node.
  env: { ...process.env, PATH: `${path.dirname(node)}${path.delimiter}${process.env.PATH ?? ''}` },
});
// A signal to the terminal's process group reaches the child too; a signal to this process alone does not.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('error', error => fail(`${node} cannot be started: ${error.message}`));
child.on('exit', (code, signal) => {
  process.exitCode = code ?? 128 + (constants.signals[signal] ?? 0);
});
