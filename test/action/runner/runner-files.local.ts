import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { posix, requires } from '../../support/platform-needs.ts';
import { at, phase, usePhases } from '../step/phase-process.ts';

usePhases();

/** A file of the runner that no user can append to. */
function unwritable(...names: string[]): Record<string, string> {
  mkdirSync(at('directory'));
  return Object.fromEntries(names.map(name => [name, at('directory')]));
}

describe('a restore whose GITHUB_OUTPUT and GITHUB_STATE cannot be written', () => {
  test('restores the cache and warns once of each file', async () => {
    await phase('save-only');
    const env = unwritable('GITHUB_OUTPUT', 'GITHUB_STATE');
    const { code, log } = await phase('main', { workspace: 'two', env });
    expect(readFileSync(at('two/deps/a.txt'), 'utf8')).toBe('first');
    // Windows has other codes for a directory
    const warnings = log
      .match(/^::warning::.*$/gm)
      ?.map(line => line.replace(/\((?:EBADF|EPERM)\)/, '(EISDIR)'));
    expect(warnings).toEqual([
      "::warning::GITHUB_OUTPUT cannot be written (EISDIR), so this step sets no outputs: make it a file that the step's user can write.",
      '::warning::GITHUB_STATE cannot be written (EISDIR), so the post step will not save the cache: use restore/ and save/ instead.',
    ]);
    expect(log).toContain('Cache restored from key: k1');
    expect(code).toBe(0);
  });

  test('restores the cache where the files do not exist', async () => {
    await phase('save-only');
    const env = { GITHUB_OUTPUT: at('none/output'), GITHUB_STATE: at('none/state') };
    const { log } = await phase('main', { workspace: 'two', env });
    expect(log).toContain('Cache restored from key: k1');
    expect(log).toContain('::warning::GITHUB_OUTPUT cannot be written (Missing file at path: ');
  });
});

test('a restore does not wait for FIFOs in place of the files of the runner', requires(posix), async () => {
  await phase('save-only');
  const names = ['GITHUB_OUTPUT', 'GITHUB_STATE', 'GITHUB_STEP_SUMMARY'];
  const env = Object.fromEntries(names.map(name => [name, at(name)]));
  for (const file of Object.values(env)) execFileSync('mkfifo', [file]);
  const { code, log } = await phase('main', { workspace: 'two', env, inputs: { summary: 'true' } });
  expect(log).toContain('Cache restored from key: k1');
  expect(log.match(/FIFO/g)).toHaveLength(3);
  expect(code).toBe(0);
});

test('a restore whose GITHUB_STEP_SUMMARY cannot be written restores and warns', async () => {
  await phase('save-only');
  rmSync(at('two/deps'), { recursive: true, force: true });
  const env = unwritable('GITHUB_STEP_SUMMARY');
  const { code, log } = await phase('main', { workspace: 'two', env, inputs: { summary: 'true' } });
  expect(log).toContain('Cache restored from key: k1');
  expect(log).toContain('::warning::The job summary could not be written (');
  expect(code).toBe(0);
});
