import { spawn } from 'node:child_process';
import { expect, test } from 'vitest';
import { collectOutput } from '../../support/collect-output.ts';
import { hangingThread } from '../../support/hanging-thread.ts';
import { fifos, requires } from '../../support/platform-needs.ts';

const source = (file: string) => JSON.stringify(new URL(`../../../src/${file}`, import.meta.url).href);

/** Runs code in a process of its own, which has what end-process.ts exports. */
async function run(code: string) {
  const program = `import { endProcess, endWhenWritten } from ${source('action/runner/end-process.ts')};\n${code}`;
  const begin = performance.now();
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const { stdout, stderr, exitCode } = await collectOutput(child);
  return { stdout, stderr, exitCode, ms: performance.now() - begin };
}

test('a process ends with its exit code, also while something would keep it alive', async () => {
  const code = `setInterval(() => {}, 1000); process.exitCode = 3;`;
  for (const end of ['endProcess();', 'await endWhenWritten();'])
    expect(await run(`${code} ${end}`)).toMatchObject({ exitCode: 3, stderr: '' });
  expect(await run('endProcess();')).toMatchObject({ exitCode: 0 });
});

test('a process ends when it has written all lines to its pipes', async () => {
  const lines = "for (let i = 0; i < 50_000; i++) console.log('line');";
  const { stdout, stderr } = await run(`${lines} console.error('last'); await endWhenWritten();`);
  expect(stdout.length).toBe(50_000 * 'line\n'.length);
  expect(stderr).toBe('last\n');
});

test(
  'a process whose thread hangs ends at once with its exit code if it does not wait',
  requires(fifos),
  async () => {
    const hang = hangingThread();
    const end = await run(`${hang} process.exitCode = 130; endProcess({ waits: false });`);
    expect(end).toMatchObject({ exitCode: 130, stdout: '', stderr: '' });
  },
);

test(
  'a process ends at once if a thread that was given up is counted as stuck',
  requires(fifos),
  async () => {
    const count = `
    const { countStuckThread } = await import(${source('archive/pool/stuck-threads.ts')});
    countStuckThread(new Promise(() => {}));
  `;
    const end = await run(`${hangingThread()} ${count} process.exitCode = 4; await endWhenWritten();`);
    expect(end).toMatchObject({ exitCode: 4, stdout: '', stderr: '' });
  },
);
