import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runAsRoot } from '../../../src/action/runner/sudo.ts';

/**
 * Against a `sudo` of our own on the PATH, because what the real one may do is the machine's affair. Like the real one
 * (1.9.13) it replaces HOME and PATH and keeps of the rest what it is told to; unlike it, it changes no user.
 */
const obliging = `#!${process.execPath}
const { spawnSync } = require('node:child_process');
const [quiet, kept, file, ...args] = process.argv.slice(2);
if (quiet !== '-n') process.exit(9);
const names = kept.replace('--preserve-env=', '').split(',');
const env = Object.fromEntries(names.map(name => [name, process.env[name]]));
Object.assign(env, { HOME: '/root', PATH: '/usr/sbin' });
process.exit(spawnSync(file, args, { env, stdio: 'inherit' }).status ?? 1);
`;
const refusing = '#!/bin/sh\necho "sudo: a password is required" >&2\nexit 1\n';

describe.skipIf(process.platform === 'win32')('runAsRoot', () => {
  let root: string;
  let env: Record<string, string>;
  const at = (name: string) => path.join(root, name);
  const never = new AbortController().signal;

  beforeEach(() => {
    root = mkdtempSync(path.join(tmpdir(), 'cache-s3-sudo-'));
    mkdirSync(at('bin'));
    env = { PATH: at('bin'), HOME: '/home/me', 'INPUT_RESTORE-KEYS': 'a\nb', LD_LIBRARY_PATH: '/mine' };
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const sudoIs = (script: string) => writeFileSync(at('bin/sudo'), script, { mode: 0o755 });
  function program(body: string): readonly string[] {
    const module = JSON.stringify(new URL('../../../src/action/runner/sudo.ts', import.meta.url).href);
    const lines = [
      "import { writeFileSync } from 'node:fs';",
      `import { becomeSudoChild } from ${module};`,
      body,
    ];
    writeFileSync(at('child.mjs'), lines.join('\n'));
    return [process.execPath, at('child.mjs')];
  }

  test('the child has the step’s variables and the user’s HOME and PATH, and its status is ours', async () => {
    sudoIs(obliging);
    const body = `becomeSudoChild(process.env, () => {});
      writeFileSync(${JSON.stringify(at('env.json'))}, JSON.stringify(process.env));
      process.exit(3);`;
    expect(await runAsRoot(program(body), env, never)).toEqual({ kind: 'ran', exitCode: 3 });
    const seen = JSON.parse(readFileSync(at('env.json'), 'utf8'));
    expect(seen).toMatchObject({ HOME: '/home/me', PATH: at('bin'), 'INPUT_RESTORE-KEYS': 'a\nb' });
    expect(seen).not.toHaveProperty('LD_LIBRARY_PATH');
  });

  test('a cancellation reaches the child', async () => {
    sudoIs(obliging);
    const controller = new AbortController();
    const body = `becomeSudoChild(process.env, () => process.exit(130));
      setInterval(() => {}, 1000);`;
    const end = runAsRoot(program(body), env, controller.signal);
    controller.abort();
    expect(await end).toEqual({ kind: 'ran', exitCode: 130 });
  });

  test('a refusal is told in sudo’s own words', async () => {
    sudoIs(refusing);
    expect(await runAsRoot(program('process.exit(0);'), env, never)).toEqual({
      kind: 'refused',
      reason: 'sudo: a password is required',
    });
  });

  test('no sudo at all is a refusal', async () => {
    const end = await runAsRoot(program('process.exit(0);'), env, never);
    expect(end).toEqual({ kind: 'refused', reason: expect.stringContaining('ENOENT') });
  });
});
