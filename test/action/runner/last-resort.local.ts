import { spawn } from 'node:child_process';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { collectOutput } from '../../support/collect-output.ts';
import { hangingThread } from '../../support/hanging-thread.ts';
import { fifos, requires } from '../../support/platform-needs.ts';
import { type LocalServer, startSilentServer } from '../../support/servers/listen.ts';
import { phase, usePhases } from '../step/phase-process.ts';

usePhases();

let server: LocalServer;
let inputs: Record<string, string>;
beforeEach(async () => {
  // A phase waits for it
  server = await startSilentServer();
  inputs = {
    ...{ endpoint: server.endpoint, bucket: 'ci', accessKey: 'a', secretKey: 'hunter2' },
    ...{ 'fail-on-cache-miss': 'true', 'fail-on-save-error': 'true' },
  };
});
afterEach(() => server.close());

const warning = 'The cache step ended early, and the job continues without it';

test.each(['main', 'post', 'restore-only', 'save-only'] as const)(
  'an error that no code catches ends the phase %s with a warning and status 0',
  async entry => {
    const state = entry === 'post' ? (await phase('main')).state : {};
    const preload = "setTimeout(() => { throw new Error('a bug'); }, 700)";
    const same = entry === 'post' ? {} : { inputs };
    const { code, log } = await phase(entry, {
      ...same,
      preload: entry === 'post' ? neverStat(preload) : preload,
      state,
    });
    expect(log).toContain(`::warning::${warning} (a bug). Report this with the debug log.`);
    expect(code).toBe(0);
  },
);

test('a rejection that no code awaits ends the phase with a warning and status 0', async () => {
  const preload = "setTimeout(() => void Promise.reject(new Error('a bug')), 700)";
  const { code, log } = await phase('main', { inputs, preload });
  expect(log).toContain(`::warning::${warning} (a bug). Report this with the debug log.`);
  expect(code).toBe(0);
});

test('a wait for something that can never happen ends the phase with a warning and status 0', async () => {
  const { code, log } = await phase('main', { preload: neverStat('') });
  expect(log).toContain(
    `::warning::${warning} (an operation did not finish). Report this with the debug log.`,
  );
  expect(code).toBe(0);
});

test('a thrown value that is no error, and is several lines, is one line of the log', async () => {
  const preload = "setTimeout(() => { throw 'a\\n::error::b'; }, 700)";
  const { code, log } = await phase('main', { inputs, preload });
  expect(log).toMatch(
    /^::warning::The cache step .* \(a\\n::error::b\)\. Report this with the debug log\.$/m,
  );
  expect(log).not.toMatch(/^::error::/m);
  expect(code).toBe(0);
});

test(
  'an error that no code catches ends the process also while a thread hangs',
  requires(fifos),
  async () => {
    const lastResort = JSON.stringify(
      new URL('../../../src/action/runner/last-resort.ts', import.meta.url).href,
    );
    const program = `
    import { installLastResort } from ${lastResort};
    installLastResort({ warning: console.log, debug() {} });
    ${hangingThread()}
    process.exitCode = 3;
    throw new Error('a bug');
  `;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const { stdout, exitCode } = await collectOutput(child);
    expect(stdout).toContain(`${warning} (a bug)`);
    expect(exitCode).toBe(3);
  },
);

/** Code with which no status of a file is ever returned, and nothing keeps the process alive. */
function neverStat(more: string): string {
  return `
    import fsp from 'node:fs/promises';
    import { syncBuiltinESMExports } from 'node:module';
    fsp.stat = fsp.lstat = fsp.open = () => new Promise(() => {});
    syncBuiltinESMExports();
    ${more}
  `;
}
