import { describe, expect, test, vi } from 'vitest';
import { sudoCommand, wantsSudo } from '../../../src/action/runner/sudo.ts';
import { sudoRefused } from '../../../src/action/runner/sudo-refused.ts';
import { inputEnv, recordingRunner } from '../support.ts';

describe('sudoCommand', () => {
  test('keeps the step’s own variables by name, and nothing else', () => {
    const env = {
      'INPUT_RESTORE-KEYS': 'a',
      GITHUB_REF: 'b',
      RUNNER_TEMP: 'c',
      ACTIONS_RUNTIME_TOKEN: 'd',
      AWS_REGION: 'e',
      CACHE_S3_BUCKET: 'f',
      STATE_CACHE_S3: 'g',
      https_proxy: 'h',
      NO_PROXY: 'i',
      LD_PRELOAD: 'no',
      NODE_OPTIONS: 'no',
      HOME: '/home/me',
      PATH: '/bin',
    };
    const [file, quiet, kept, ...program] = sudoCommand(env, ['/opt/node', '/a b/main.js']);
    expect([file, quiet, ...program]).toEqual(['sudo', '-n', '/opt/node', '/a b/main.js']);
    expect(kept?.replace('--preserve-env=', '').split(',')).toEqual([
      'INPUT_RESTORE-KEYS',
      'GITHUB_REF',
      'RUNNER_TEMP',
      'ACTIONS_RUNTIME_TOKEN',
      'AWS_REGION',
      'CACHE_S3_BUCKET',
      'STATE_CACHE_S3',
      'https_proxy',
      'NO_PROXY',
      'CACHE_S3_SUDO_HOME',
      'CACHE_S3_SUDO_PATH',
    ]);
  });

  test('no value is on the command line, where every process can read it', () => {
    expect(sudoCommand({ INPUT_SECRETKEY: 'hunter2' }, ['x']).join(' ')).not.toContain('hunter2');
  });
});

describe.runIf(process.geteuid)('wantsSudo', () => {
  const asked = inputEnv({ sudo: 'True' });

  test.each([
    ['an ordinary user whose step asks for it', 1000, asked, true],
    ['one whose step does not', 1000, {}, false],
    ['one whose step says nothing that is true or false', 1000, inputEnv({ sudo: 'yes' }), false],
    ['root', 0, asked, false],
    ['the child, where sudo made no root of it', 1000, { ...asked, CACHE_S3_SUDO_HOME: '/home/me' }, false],
  ] as [string, number, Record<string, string>, boolean][])('%s', (_, user, env, wanted) => {
    vi.spyOn(process as { geteuid: () => number }, 'geteuid').mockReturnValue(user);
    expect(wantsSudo(env)).toBe(wanted);
  });
});

describe('sudoRefused', () => {
  const sentence =
    /^Input 'sudo' is true, but sudo refused \(a password is required\), so the cache is not (restored|saved): /;

  test.each([
    [{}, true, 'warning'],
    [{}, false, 'warning'],
    [{ 'fail-on-cache-miss': 'true' }, true, 'error'],
    [{ 'fail-on-cache-miss': 'true' }, false, 'warning'],
    [{ 'fail-on-save-error': 'true' }, false, 'error'],
  ] as [Record<string, string>, boolean, string][])('%j restoring %s: a %s', (inputs, restoring, kind) => {
    const runner = recordingRunner(inputEnv(inputs));
    sudoRefused(runner, 'a password is required', restoring);
    expect(runner.lines).toHaveLength(1);
    expect(runner.lines[0]?.startsWith(`${kind}: `)).toBe(true);
    expect(runner.lines[0]?.slice(kind.length + 2)).toMatch(sentence);
    expect(runner.failed).toBe(kind === 'error');
  });

  test('leaves the outputs of a restore that nobody answered', () => {
    const runner = recordingRunner(inputEnv({ key: 'guix-1' }));
    sudoRefused(runner, 'a password is required', true);
    expect(runner.outputs).toEqual({
      'cache-primary-key': 'guix-1',
      'cache-hit': 'false',
      'cache-source': 'none',
    });
  });
});
