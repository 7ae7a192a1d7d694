import { spawn } from 'node:child_process';
import { expect, test } from 'vitest';
import { collectOutput } from '../support/collect-output.ts';
import { hangingThread } from '../support/hanging-thread.ts';
import { fifos, requires } from '../support/platform-needs.ts';

const module = new URL('../../src/command/interrupt.ts', import.meta.url);

/**
 * Runs a process that listens and emits `events`, as Node.js does for signals: only Windows has SIGBREAK. It first runs
 * `before`.
 */
async function emitting(events: readonly string[], before = '') {
  const code = `
    ${before}
    const { abortOnInterrupt } = await import(${JSON.stringify(module)});
    const signal = abortOnInterrupt();
    signal.addEventListener('abort', () => console.log(signal.reason.message));
    setTimeout(() => {}, 60_000);
    for (const name of ${JSON.stringify(events)}) process.emit(name);
    console.log('works on');
    process.exit();
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const { stdout, exitCode } = await collectOutput(child);
  return { stdout, exitCode };
}

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
  ['SIGBREAK', 130],
])(
  'the command lets the work in flight end after %s, with the exit status of a shell',
  async (name, exitCode) => {
    expect(await emitting([name])).toEqual({ stdout: 'the command was interrupted\nworks on\n', exitCode });
  },
);

test('the command ends at once after a second Ctrl+Break', async () => {
  expect(await emitting(['SIGBREAK', 'SIGBREAK'])).toEqual({
    stdout: 'the command was interrupted\n',
    exitCode: 130,
  });
});

test(
  'the command ends after a second Ctrl+C although a thread hangs in a call of the system',
  requires(fifos),
  async () => {
    expect(await emitting(['SIGINT', 'SIGINT'], hangingThread())).toMatchObject({ exitCode: 130 });
  },
);
