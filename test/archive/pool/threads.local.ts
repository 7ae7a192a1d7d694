import { spawnSync } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { hasStuckThread } from '../../../src/archive/pool/stuck-threads.ts';
import { Threads } from '../../../src/archive/pool/threads.ts';
import { threadProgram } from '../../support/built-sources/built-file.ts';
import { posix, requires } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';

interface Message {
  readonly id: number;
  readonly about?: unknown;
}

const closed = 'closed';
const wait = { timeout: 30_000, interval: 20 };

afterEach(() => vi.restoreAllMocks());

/** Makes threads that run `body` as a module with `parentPort`. They are closed at the end of the test. */
function threadsOf(body: string, settings?: unknown) {
  const code = `import { parentPort } from 'node:worker_threads'; ${body}`;
  const reasons: string[] = [];
  const threads = new Threads<Message>({
    program: new URL(`data:text/javascript,${encodeURIComponent(code)}`),
    settings,
    limits: {},
    name: 'a test thread',
    onEnd: ({ message }) => reasons.push(message),
  });
  onTestFinished(() => threads.close(closed));
  return { threads, reasons };
}

const echo = `parentPort.on('message', ({ id, about }) => parentPort.postMessage({ id, end: { answer: about } }));`;

/** Returns the descriptor with which a FIFO was opened for writing, when another thread waits for that. */
function openForWriting(fifo: string): Promise<number> {
  // Without a reader it fails
  return vi.waitFor(() => openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK), wait);
}

test(
  'threads are closed although one hangs in a call of the system, and it counts as stuck until it ends',
  requires(posix),
  async () => {
    const fifo = path.join(scratch(), 'fifo');
    expect(spawnSync('mkfifo', [fifo]).status).toBe(0);
    const { threads } = threadsOf(
      `import { readFileSync } from 'node:fs'; parentPort.on('message', ({ about }) => readFileSync(about, 'utf8'));`,
    );
    const request = threads.start().request(id => ({ id, about: fifo }));
    const rejected = expect(request).rejects.toThrow('closed');
    const writer = await openForWriting(fifo);
    await Promise.all([threads.close(closed), threads.close(closed)]);
    await rejected;
    expect(hasStuckThread()).toBe(true);
    closeSync(writer);
    await vi.waitFor(() => expect(hasStuckThread()).toBe(false), wait);
  },
);

test('threads that are closed end their running requests first, which are rejected at once', async () => {
  const ended = new Int32Array(new SharedArrayBuffer(4));
  const { threads } = threadsOf(
    `import { workerData } from 'node:worker_threads';
    parentPort.on('message', ({ id }) => {
      Atomics.add(workerData, 0, 1);
      Atomics.notify(workerData, 0);
      Atomics.wait(workerData, 0, 1, 100);
      Atomics.add(workerData, 0, 1);
      parentPort.postMessage({ id, end: { answer: 'late' } });
    });`,
    ended,
  );
  const request = threads.start().request(id => ({ id }));
  const rejected = expect(request).rejects.toThrow('closed');
  await vi.waitFor(() => expect(ended[0]).toBe(1), { timeout: 30_000, interval: 1 });
  await threads.close(closed);
  await rejected;
  expect(ended[0]).toBe(2);
});

test('a request whose message cannot be cloned is rejected, and the others are answered', async () => {
  const { threads, reasons } = threadsOf(echo);
  const thread = threads.start();
  const unclonable = thread.request(id => ({ id, about: () => {} }));
  await expect(unclonable).rejects.toThrow('could not be cloned');
  expect(await thread.request(id => ({ id, about: 1 }))).toBe(1);
  expect(reasons).toEqual([]);
});

test('requests are rejected when a message of a thread cannot be read', async () => {
  const { threads, reasons } = threadsOf(echo);
  vi.spyOn(Worker.prototype, 'postMessage').mockImplementation(function (this: Worker) {
    setImmediate(() => this.emit('messageerror', new Error('unreadable')));
  });
  const [first, second] = [threads.start(), threads.start()];
  const requests = [first, second].map(thread => thread.request(id => ({ id })));
  for (const request of requests) await expect(request).rejects.toThrow(/^unreadable$/);
  expect(reasons).toEqual(['unreadable']);
});

test.each(['worker', 'sender'] as const)(
  'the program %s ends with an error when it cannot read a message',
  async name => {
    const program = JSON.stringify(threadProgram(name));
    const { threads } = threadsOf(
      `await import(${program}); parentPort.emit('messageerror', new Error('unreadable'));`,
      { proxies: {} },
    );
    await expect(threads.start().request(id => ({ id }))).rejects.toThrow(/^unreadable$/);
  },
);

test.each([
  ['throws something that is no error', `throw undefined;`, 'undefined'],
  ['ends', 'process.exit(3);', 'a test thread ended with code 3'],
])('requests to all threads are rejected when one of them %s', async (_, body, message) => {
  const { threads, reasons } = threadsOf(
    `parentPort.on('message', ({ about }) => { if (about) { ${body} } });`,
  );
  const [first, second] = [threads.start(), threads.start()];
  const requests = [first.request(id => ({ id })), second.request(id => ({ id, about: 'end' }))];
  for (const request of requests) await expect(request).rejects.toThrow(message);
  await threads.close(closed);
  expect(reasons).toEqual([message]);
  await expect(threads.start().request(id => ({ id }))).rejects.toThrow(message);
});

test(
  'a thread that cannot start within the limit of open files fails with the name of the limit',
  requires(posix),
  () => {
    const threads = JSON.stringify(new URL('../../../src/archive/pool/threads.ts', import.meta.url).href);
    const program = `
    const { Threads } = await import(${threads});
    const onEnd = ({ message }) => console.log(message);
    const options = { program: new URL('data:text/javascript,'), settings: undefined, limits: {}, name: 'a thread' };
    const threads = new Threads({ ...options, onEnd });
    for (let i = 0; i < 8; i++) threads.start().request(id => ({ id })).catch(() => {});`;
    const args = [
      '-c',
      'ulimit -n 32 && exec "$0" "$@"',
      process.execPath,
      '--input-type=module',
      '-e',
      program,
    ];
    expect(spawnSync('sh', args, { encoding: 'utf8' }).stdout).toBe(
      'a thread cannot start (EMFILE: the limit of open files is reached; raise `nofile`)\n',
    );
  },
);

test('a thread that cannot start within the limit of processes and threads fails with the name of the limit', async () => {
  const { threads } = threadsOf(echo);
  const failure = Object.assign(new Error('EAGAIN'), { code: 'ERR_WORKER_INIT_FAILED' });
  vi.spyOn(Worker.prototype, 'on').mockImplementation(() => {
    throw failure;
  });
  await expect(threads.start().request(id => ({ id }))).rejects.toThrow(
    'a thread cannot start (EAGAIN: the limit of processes and threads of this user or container is reached; raise `nproc`)',
  );
});
