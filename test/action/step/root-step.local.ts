import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { runRootStep } from '../../../src/action/step/root-step.ts';
import { posix, requires } from '../../support/platform-needs.ts';
import { inputVariables } from '../../support/runner/process/step-variables.ts';
import { scratch } from '../../support/scratch.ts';
import { recordingRunner } from '../support.ts';

describe('runRootStep, if sudo refuses', requires(posix), () => {
  let bin: string;
  beforeEach(() => {
    bin = scratch();
    const script = '#!/bin/sh\necho "sudo: a password is required" >&2\nexit 1\n';
    writeFileSync(path.join(bin, 'sudo'), script, { mode: 0o755 });
  });

  async function refused(inputs: Record<string, string>, restores: boolean) {
    const runner = recordingRunner({ PATH: bin, ...inputVariables({ sudo: 'true', ...inputs }) });
    await runRootStep(runner, { signal: new AbortController().signal, restores });
    return runner;
  }

  const sentence =
    /^Input 'sudo' is true, but sudo refused \(sudo: a password is required\), so the cache is not (restored|saved): /;

  test.each([
    ['a restore warns', {}, true, 'warning'],
    ['a save warns', {}, false, 'warning'],
    ['a restore with fail-on-cache-miss fails', { 'fail-on-cache-miss': 'true' }, true, 'error'],
    ['a save with fail-on-cache-miss warns', { 'fail-on-cache-miss': 'true' }, false, 'warning'],
    ['a save with fail-on-save-error fails', { 'fail-on-save-error': 'true' }, false, 'error'],
  ] as [string, Record<string, string>, boolean, string][])(
    '%s in one line',
    async (_, inputs, restores, kind) => {
      const runner = await refused(inputs, restores);
      expect(runner.lines).toHaveLength(1);
      expect(runner.lines[0]?.startsWith(`${kind}: `)).toBe(true);
      expect(runner.lines[0]?.slice(kind.length + 2)).toMatch(sentence);
      expect(runner.failed).toBe(kind === 'error');
    },
  );

  test('a restore sets the outputs of a cache that is unavailable', async () => {
    const { outputs } = await refused({ key: 'guix-1' }, true);
    expect(outputs).toEqual({
      'cache-primary-key': 'guix-1',
      'cache-hit': 'false',
      'cache-source': 'none',
    });
    expect((await refused({ key: 'guix-1' }, false)).outputs).toEqual({});
  });
});
