import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { collectOutput } from '../../support/collect-output.ts';
import { hangingThread } from '../../support/hanging-thread.ts';
import { fifos, posix, requires } from '../../support/platform-needs.ts';

const module = new URL('../../../src/action/runner/interrupt.ts', import.meta.url);

/** Starts a process that listens, prints `ready`, runs `body` and stays alive. */
function start(body: string) {
  const code = `
    const { listenForInterrupt } = await import(${JSON.stringify(module)});
    const { signal, trigger } = listenForInterrupt('step');
    setInterval(() => {}, 1000);
    ${body}
    console.log('ready');
  `;
  return spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** Returns the output and the exit status of a process that gets `names` one after the other when it is ready. */
async function interrupted(body: string, ...names: NodeJS.Signals[]) {
  const child = start(body);
  const ended = collectOutput(child);
  await once(child.stdout, 'data');
  for (const name of names) child.kill(name);
  const { stdout: output, exitCode: status, signal: killer } = await ended;
  return { output, status, killer };
}

describe('a step', requires(posix), () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('%s aborts the signal, and the status is that of a shell', async (name, status) => {
    const end = await interrupted(
      "signal.addEventListener('abort', () => { console.log(signal.reason.message); process.exit(); });",
      name,
    );
    expect(end).toEqual({ output: `ready\nthe step was cancelled (${name})\n`, status, killer: null });
  });

  test('Ctrl+Break, which the runner sends on Windows after Ctrl+C, aborts the signal too (emulated)', async () => {
    const end = await interrupted(
      "signal.addEventListener('abort', () => { console.log(signal.reason.message); process.exit(); }); setTimeout(() => process.emit('SIGBREAK'), 1);",
    );
    expect(end).toMatchObject({ output: 'ready\nthe step was cancelled (SIGTERM)\n', status: 143 });
  });

  test('a second signal does not abort again and does not change the status', async () => {
    const end = await interrupted(
      "signal.addEventListener('abort', () => { trigger('SIGTERM'); console.log(process.exitCode); process.exit(); });",
      'SIGINT',
    );
    expect(end).toMatchObject({ output: 'ready\n130\n', status: 130 });
  });

  test('the process ends within 5 s even if nothing reacts to the abort', async () => {
    expect(await interrupted('', 'SIGINT')).toMatchObject({ status: 130, killer: null });
  });
});

/**
 * Runs a process that listens and emits `events`, as Node.js does for signals: only Windows has SIGBREAK. It first runs
 * `before`.
 */
async function emitting(events: readonly string[], before = '') {
  const code = `
    ${before}
    const { listenForInterrupt } = await import(${JSON.stringify(module)});
    const { signal } = listenForInterrupt('command');
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
  ['SIGINT', 'SIGINT', 130],
  ['SIGTERM', 'SIGTERM', 143],
  ['SIGHUP', 'SIGHUP', 129],
  ['SIGBREAK', 'SIGINT', 130],
])(
  'the command lets the work in flight end after %s, as %s, with the exit status of a shell',
  async (name, signal, exitCode) => {
    expect(await emitting([name])).toEqual({
      stdout: `the command was interrupted (${signal})\nworks on\n`,
      exitCode,
    });
  },
);

test('the command ends at once after a second Ctrl+Break', async () => {
  expect(await emitting(['SIGBREAK', 'SIGBREAK'])).toEqual({
    stdout: 'the command was interrupted (SIGINT)\n',
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
