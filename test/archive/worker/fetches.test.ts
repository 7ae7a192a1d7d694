import { expect, test } from 'vitest';
import type { Fetcher } from '../../../src/archive/messages/fetch.ts';
import type { Report } from '../../../src/archive/messages/report.ts';
import { Fetches } from '../../../src/archive/worker/fetches.ts';
import { MiB } from '../../support/sizes.ts';

/** Fills the buffer with the number in the ticket, up to the length in the ticket. */
const fill: Fetcher = async (ticket, target, onBytes) => {
  const { byte, upTo } = ticket as { byte: number; upTo: number };
  target.bytes.fill(byte, target.filled, upTo);
  onBytes(upTo - target.filled);
  target.filled = upTo;
  return 'answer';
};

/** Returns fetches, and a function that lets one run with the next number. */
function start() {
  const reports: Report[] = [];
  const fetches = new Fetches(fill, report => reports.push(report));
  let id = 0;
  const run = (buffer: number, length: number, byte: number, { at = 0, upTo = length } = {}) =>
    fetches.run({ id: ++id, buffer, length, at, ticket: { byte, upTo } });
  return { fetches, reports, run };
}

test('the fetches of one buffer continue where the main thread wants it', async () => {
  const { fetches, reports, run } = start();
  await run(1, 6, 7, { upTo: 4 });
  await run(1, 6, 8, { at: 3 });
  expect(fetches.use(1, bytes => [...bytes])).toEqual([7, 7, 7, 8, 8, 8]);
  expect(reports).toEqual([
    { id: 1, bytes: 4, end: { answer: 'answer' } },
    { id: 2, bytes: 3, end: { answer: 'answer' } },
  ]);
});

test('the memory of a used buffer holds the next one, and a larger one gets other memory', async () => {
  const { fetches, run } = start();
  const memoryOf = async (buffer: number, length: number) => {
    await run(buffer, length, 1);
    return fetches.use(buffer, ({ buffer: memory, length: held }) => ({ memory, held }));
  };
  const first = await memoryOf(1, 2 * MiB - 1);
  const second = await memoryOf(2, 2 * MiB);
  expect(second.memory).toBe(first.memory);
  expect([first.held, second.held]).toEqual([2 * MiB - 1, 2 * MiB]);
  const third = await memoryOf(3, 2 * MiB + 1);
  expect(third.memory).not.toBe(first.memory);
  expect(first.memory.detached).toBe(true);
});

test('memory beyond that of two buffers is freed when its buffer is used', async () => {
  const { fetches, run } = start();
  for (const buffer of [1, 2, 3]) await run(buffer, 10, buffer);
  const memories = [1, 2, 3].map(buffer => fetches.use(buffer, ({ buffer: memory }) => memory));
  expect(memories.map(({ detached }) => detached)).toEqual([true, false, false]);
});

test('the memory of a buffer whose job fails is kept too', async () => {
  const { fetches, run } = start();
  await run(1, 10, 1);
  let memory: ArrayBuffer | undefined;
  const failing = () =>
    fetches.use(1, ({ buffer }) => {
      memory = buffer;
      throw new Error('damaged');
    });
  expect(failing).toThrow('damaged');
  await run(2, 10, 2);
  expect(fetches.use(2, ({ buffer }) => buffer)).toBe(memory);
});

test('bytes are reported while the fetch waits for more', async () => {
  const reported = Promise.withResolvers<Report>();
  const ended = Promise.withResolvers<void>();
  const stalled: Fetcher = async (_, target, onBytes) => {
    target.filled = 5;
    onBytes(5);
    await ended.promise;
    return 'answer';
  };
  const reports: Report[] = [];
  const fetches = new Fetches(stalled, report => {
    reports.push(report);
    reported.resolve(report);
  });
  const running = fetches.run({ id: 1, buffer: 1, length: 10, at: 0, ticket: {} });
  expect(await reported.promise).toEqual({ id: 1, bytes: 5 });
  ended.resolve();
  await running;
  expect(reports[1]).toEqual({ id: 1, bytes: 0, end: { answer: 'answer' } });
});
