import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Log } from '../../src/report/log.ts';
import { createProgress } from '../../src/report/progress.ts';
import { silentLog } from '../support/silent-log.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function progress() {
  const lines: string[] = [];
  let open = false;
  const log: Log = {
    ...silentLog,
    info: line => void lines.push(line),
    startGroup(title) {
      if (!open) lines.push(`group: ${title}`);
      open = true;
    },
    endGroup() {
      if (open) lines.push('end of group');
      open = false;
    },
  };
  return { lines, progress: createProgress({ log, doing: 'Receiving', done: 'Received' }) };
}

test('a transfer logs a line every five seconds in one group: bytes, percent, and the rate since the last line', () => {
  const { lines, progress: transfer } = progress();
  transfer.expect(200_000_000);
  transfer.add(50_000_000);
  vi.advanceTimersByTime(5000);
  transfer.add(100_000_000);
  vi.advanceTimersByTime(5000);
  transfer.end();
  expect(lines).toEqual([
    'group: Receiving 200.0 MB',
    'Received 50.0 MB of 200.0 MB (25 %), 10.0 MB/s',
    'Received 150.0 MB of 200.0 MB (75 %), 20.0 MB/s',
    'end of group',
  ]);
});

test('a transfer of less than five seconds logs nothing and opens no group, and nothing is logged after the end', () => {
  const { lines, progress: transfer } = progress();
  transfer.add(1);
  vi.advanceTimersByTime(4999);
  transfer.end();
  vi.advanceTimersByTime(60_000);
  expect(lines).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
});

test('the timer of a transfer keeps no process alive', () => {
  vi.useRealTimers();
  const timers = vi.spyOn(globalThis, 'setInterval');
  const { progress: transfer } = progress();
  expect(timers.mock.results.map(({ value }) => value.hasRef())).toEqual([false]);
  transfer.end();
});

test('a transfer without a total has no percentage, and one over its total has 100 %', () => {
  const { lines, progress: transfer } = progress();
  transfer.add(3000);
  vi.advanceTimersByTime(5000);
  transfer.end();
  expect(lines).toEqual(['group: Receiving', 'Received 3.0 kB, 600 B/s', 'end of group']);

  const over = progress();
  over.progress.expect(2000);
  over.progress.add(3000);
  vi.advanceTimersByTime(5000);
  expect(over.lines).toContain('Received 3.0 kB of 2.0 kB (100 %), 600 B/s');
});

test('a transfer that starts over adds its size to the bytes that came before', () => {
  const { lines, progress: transfer } = progress();
  transfer.expect(2000);
  transfer.add(2000);
  transfer.expect(6000);
  vi.advanceTimersByTime(5000);
  expect(lines).toContain('Received 2.0 kB of 8.0 kB (25 %), 400 B/s');
});
