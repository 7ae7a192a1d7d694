import { describe, expect, test, vi } from 'vitest';
import { sudoCommand, wantsSudo } from '../../../src/action/runner/sudo.ts';
import { posix, requires } from '../../support/platform-needs.ts';
import { inputVariables } from '../../support/runner/process/step-variables.ts';

describe('sudoCommand', () => {
  test('the child keeps the variables of the step by name, and no other ones', () => {
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

  test('no value is on the command line, which every process can read', () => {
    expect(sudoCommand({ INPUT_SECRETKEY: 'hunter2' }, ['x']).join(' ')).not.toContain('hunter2');
  });
});

describe('wantsSudo', requires(posix), () => {
  const sudo = inputVariables({ sudo: 'True' });

  test.each([
    ['an ordinary user with sudo: true', 1000, sudo, true],
    ['an ordinary user without the input', 1000, {}, false],
    ['an ordinary user with sudo: yes, which is not a boolean', 1000, inputVariables({ sudo: 'yes' }), false],
    ['root', 0, sudo, false],
    [
      'the child, even if sudo did not make it root',
      1000,
      { ...sudo, CACHE_S3_SUDO_HOME: '/home/me' },
      false,
    ],
  ] as [string, number, Record<string, string>, boolean][])(
    'wantsSudo for %s, user %i',
    (_, user, env, wanted) => {
      vi.spyOn(process as { geteuid: () => number }, 'geteuid').mockReturnValue(user);
      expect(wantsSudo(env)).toBe(wanted);
    },
  );
});
