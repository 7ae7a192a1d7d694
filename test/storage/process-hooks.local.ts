import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:http';
import { expect, it } from 'vitest';
import { type CallObserver, observe } from '../../src/storage/process-hooks.ts';
import { collectOutput } from '../support/collect-output.ts';

function recordingObserver(): CallObserver & { readonly seen: Set<string> } {
  const seen = new Set<string>();
  return {
    seen,
    onWrite: chunk => void seen.add(`output: ${Buffer.from(chunk)}`),
    onRequest: request => void seen.add(`request: ${request.path}`),
    // a program has no name before it is spawned
    onChild: program => void program.once('spawn', () => seen.add(`program: ${program.spawnargs[0]}`)),
  };
}

it('each of two concurrent calls has its own output, requests and programs observed', async () => {
  const act = async (name: string) => {
    process.stdout.write(`${name}\n`);
    await once(spawn(process.execPath, ['-e', ''], { argv0: name }), 'exit');
    process.stdout.write(Buffer.from(`${name} in bytes`));
    await once(get({ host: '127.0.0.1', port: 9, path: `/${name}` }), 'error');
  };
  const [one, two] = [recordingObserver(), recordingObserver()];
  await Promise.all([observe(one, () => act('one')), observe(two, () => act('two'))]);
  const expected = (name: string) =>
    new Set([`output: ${name}\n`, `program: ${name}`, `output: ${name} in bytes`, `request: /${name}`]);
  expect([one.seen, two.seen]).toEqual([expected('one'), expected('two')]);
});

it('output outside of an observed call is printed, and so is the output of the observer', async () => {
  const source = new URL('../../src/storage/process-hooks.ts', import.meta.url).href;
  const script = `
    const { observe } = await import(${JSON.stringify(source)});
    const onWrite = chunk => console.log('observed', String(chunk));
    const call = observe({ onWrite, onRequest() {}, onChild() {} }, async () => {
      await new Promise(resolve => setTimeout(resolve, 10));
      await new Promise(resolve => process.stdout.write('inside', resolve));
      process.stdout.write('called back');
    });
    console.log('outside');
    await call;
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  expect((await collectOutput(child)).stdout).toBe('outside\nobserved inside\nobserved called back\n');
});
