import * as fs from 'node:fs/promises';
import path from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { unprivileged } from '../drop-privileges.ts';
import { posix, requires } from '../platform-needs.ts';
import { scratch } from '../scratch.ts';
import { buildTree } from '../tree.ts';
import { type ActionRun, runAction } from './run-action.ts';

const action = `
name: tells
description: writes down what it sees
inputs:
  job-status: { description: x, default: '\${{ job.status }}' }
  two words: { description: x, default: 'set' }
  off: { description: x, default: 'on' }
runs: { using: node24, main: dist/main.js, post: dist/main.js }
`;
const script = `
const { appendFileSync } = require('node:fs');
const e = process.env;
appendFileSync(e.GITHUB_OUTPUT, ['INPUT_JOB-STATUS', 'INPUT_TWO_WORDS', 'INPUT_OFF', 'STATE_seen', 'SECRET_OF_TESTS']
  .map(name => name + '=' + e[name] + '\\n').join('') + 'uid=' + process.getuid?.() + '\\n');
appendFileSync(e.GITHUB_STATE, 'seen<<END\\ntwo\\nlines\\nEND\\n');
console.log('::notice::hello');
if (e.INPUT_HANG) { process.on('SIGINT', () => process.exit(9)); console.log('ready'); setInterval(() => {}, 1000); }
`;

let root: string;
let step: Pick<ActionRun, 'actionDir' | 'workspace'>;
beforeEach(async () => {
  root = scratch();
  await fs.chmod(root, 0o755);
  await buildTree(root, {
    'action/action.yml': action,
    'action/dist/main.js': script,
    'action/dist/package.json': '{"type":"commonjs"}',
    workspace: { directory: true },
  });
  step = { actionDir: path.join(root, 'action'), workspace: path.join(root, 'workspace') };
  process.env.SECRET_OF_TESTS = 'x';
});

test("runAction gives inputs, defaults and state as the runner does, and returns the step's outputs and state", async () => {
  const main = await runAction({ ...step, entry: 'main', inputs: { off: '' }, jobStatus: 'failure' });
  expect(main).toMatchObject({ exitCode: 0, stdout: '::notice::hello\n', state: { seen: 'two\nlines' } });
  expect(main.outputs).toMatchObject({
    'INPUT_JOB-STATUS': 'failure',
    INPUT_TWO_WORDS: 'set',
    INPUT_OFF: '',
    STATE_seen: 'undefined',
    SECRET_OF_TESTS: 'undefined',
  });
  const post = await runAction({ ...step, entry: 'post', env: { A: 'b' }, state: { seen: 'yes' } });
  expect(post.outputs).toMatchObject({ STATE_seen: 'yes', INPUT_OFF: 'on' });
});

test('runAction runs as another user and can be cancelled', requires(posix), async () => {
  const stop = new AbortController();
  const result = await runAction({
    ...step,
    ...unprivileged(),
    entry: 'main',
    inputs: { hang: 'yes' },
    stop: stop.signal,
    onLine: line => line === 'ready' && stop.abort(),
  });
  expect(result).toMatchObject({ exitCode: 9, signal: null });
  expect(result.outputs.uid).toBe(String(unprivileged().uid ?? process.getuid?.()));
});
