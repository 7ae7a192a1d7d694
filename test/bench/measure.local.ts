import { describe, expect, test } from 'vitest';
import { measure } from '../../bench/process/measure.ts';
import { linux, program, requires } from '../support/platform-needs.ts';

const megabyte = 1e6;

/** Runs JavaScript in its own process and measures it. */
const run = (code: string, stop?: AbortSignal) =>
  measure({ args: [process.execPath, '-e', code], cwd: '/', env: {} }, stop && { stop });

/** Returns code that uses this many ms of CPU time. */
const burn = (ms: number) => `
  const used = () => { const { user, system } = process.cpuUsage(); return user + system; };
  for (const end = used() + ${ms * 1000}; used() < end; );`;

describe('a measured process', { ...requires(linux, program('python3')), timeout: 60_000 }, () => {
  test('the CPU time of a process includes its children, and that of its main thread does not', async () => {
    const child = JSON.stringify(burn(150));
    const code = `require('node:child_process').execFileSync(process.execPath, ['-e', ${child}]); ${burn(50)}`;
    const { cpuSeconds, mainThreadCpuSeconds } = await run(code);
    expect(cpuSeconds).toBeGreaterThan(0.2);
    expect(mainThreadCpuSeconds).toBeGreaterThan(0.04);
    expect(cpuSeconds - mainThreadCpuSeconds!).toBeGreaterThan(0.15);
  });

  test('the peak memory of a process includes memory that it has freed', async () => {
    const { peakRssBytes, output } = await run(
      `let block = Buffer.alloc(200e6, 1); block = undefined; console.log('done')`,
    );
    expect(peakRssBytes).toBeGreaterThan(200 * megabyte);
    expect(peakRssBytes).toBeLessThan(600 * megabyte);
    expect(output).toBe('done\n');
  });

  test('a process that fails is an error with its output', async () => {
    await expect(run(`console.error('the reason'); process.exit(3)`)).rejects.toThrow(
      /ended with 3:\nthe reason/,
    );
  });

  test('a process and its children end when the bench is stopped', async () => {
    const stop = new AbortController();
    const running = run(`require('node:child_process').execFileSync('sleep', ['600'])`, stop.signal);
    stop.abort(new Error('stopped'));
    await expect(running).rejects.toThrow('stopped');
  });
});
