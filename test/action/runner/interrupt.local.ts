import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { collectOutput } from '../../support/collect-output.ts';
import { posix, requires } from '../../support/platform-needs.ts';

const module = new URL('../../../src/action/runner/interrupt.ts', import.meta.url);

/** Starts a process that listens, prints `ready`, runs `body` and stays alive. */
function start(body: string) {
  const code = `
    const { listenForInterrupt } = await import(${JSON.stringify(module)});
    const { signal, trigger } = listenForInterrupt();
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

describe('listenForInterrupt', requires(posix), () => {
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
