import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { runAsRoot } from '../../../src/action/runner/sudo.ts';
import { posix, requires } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';

/**
 * Runs a `sudo` of the test from PATH, since the machine decides whether the real one works. Like the real one (1.9.13) it
 * replaces HOME and PATH and keeps the other variables that it is given; unlike it, it does not change the user.
 */
const obeying = `#!${process.execPath}
const { spawnSync } = require('node:child_process');
const [quiet, kept, file, ...args] = process.argv.slice(2);
if (quiet !== '-n') process.exit(9);
const names = kept.replace('--preserve-env=', '').split(',');
const env = Object.fromEntries(names.map(name => [name, process.env[name]]));
Object.assign(env, { HOME: '/root', PATH: '/usr/sbin' });
process.exit(spawnSync(file, args, { env, stdio: 'inherit' }).status ?? 1);
`;
const refusing = '#!/bin/sh\necho "sudo: a password is required" >&2\nexit 1\n';

describe('runAsRoot', requires(posix), () => {
  let root: string;
  let env: Record<string, string>;
  const at = (name: string) => path.join(root, name);
  const never = new AbortController().signal;

  beforeEach(() => {
    root = scratch();
    mkdirSync(at('bin'));
    env = { PATH: at('bin'), HOME: '/home/me', 'INPUT_RESTORE-KEYS': 'a\nb', LD_LIBRARY_PATH: '/mine' };
  });

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

  test('the child gets the variables of the step and the user’s HOME and PATH, and its status is returned', async () => {
    sudoIs(obeying);
    const body = `becomeSudoChild(process.env, () => {});
      writeFileSync(${JSON.stringify(at('env.json'))}, JSON.stringify(process.env));
      process.exit(3);`;
    expect(await runAsRoot(program(body), env, never)).toBe(3);
    const seen = JSON.parse(readFileSync(at('env.json'), 'utf8'));
    expect(seen).toMatchObject({ HOME: '/home/me', PATH: at('bin'), 'INPUT_RESTORE-KEYS': 'a\nb' });
    expect(seen).not.toHaveProperty('LD_LIBRARY_PATH');
  });

  test('the child is cancelled by the end of its stdin', async () => {
    sudoIs(obeying);
    const controller = new AbortController();
    const body = `becomeSudoChild(process.env, () => process.exit(130));
      setInterval(() => {}, 1000);`;
    const end = runAsRoot(program(body), env, controller.signal);
    controller.abort();
    expect(await end).toBe(130);
  });

  test('a refusal is reported with the message of sudo', async () => {
    sudoIs(refusing);
    expect(await runAsRoot(program('process.exit(0);'), env, never)).toBe('sudo: a password is required');
  });

  test('a sudo that does not start the program within 30 s is ended and reported as a refusal', async () => {
    sudoIs('#!/bin/sh\nexec /bin/sleep 1000\n');
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const end = runAsRoot(program('process.exit(0);'), env, never);
      // The timer is set after an import
      while (vi.getTimerCount() === 0) await new Promise(resolve => setImmediate(resolve));
      vi.advanceTimersByTime(30_000);
      expect(await end).toBe('it did not start within 30 s');
    } finally {
      vi.useRealTimers();
    }
  });

  test('a sudo that prints without end is ended and reported as a refusal', async () => {
    sudoIs('#!/bin/sh\nexec /usr/bin/yes "sudo: what" >&2\n');
    expect(await runAsRoot(program('process.exit(0);'), env, never)).toBe('sudo: what');
  });

  test('the output of the child on stderr is passed on, and that of sudo before it is not', async () => {
    sudoIs(obeying.replace("if (quiet !== '-n')", "console.error('sudo: lecture');\nif (quiet !== '-n')"));
    const written: string[] = [];
    vi.spyOn(process.stderr, 'write').mockImplementation(text => written.push(String(text)) > 0);
    const body = "becomeSudoChild(process.env, () => {});\nconsole.error('one\\ntwo'); process.exit(0);";
    expect(await runAsRoot(program(body), env, never)).toBe(0);
    vi.restoreAllMocks();
    expect(written.join('')).toBe('one\ntwo\n');
  });

  test('a missing sudo is reported as a refusal', async () => {
    const end = await runAsRoot(program('process.exit(0);'), env, never);
    expect(end).toContain('ENOENT');
  });
});
