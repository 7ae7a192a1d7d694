import { describe, expect, test } from 'vitest';
import { DamagedArchiveError, SourceTreeError } from '../../../src/archive/archive-errors.ts';
import type { UnpackJob } from '../../../src/archive/messages/unpack-job.ts';
import { type WorkerBuffer, WorkerPool } from '../../../src/archive/pool/worker-pool.ts';

const script = (body: string) =>
  new URL(
    `data:text/javascript,${encodeURIComponent(`import { parentPort, threadId } from 'node:worker_threads'; ${body}`)}`,
  );

const job = (): UnpackJob => ({
  kind: 'unpack',
  bytes: new Uint8Array(1),
  frames: [],
  pieces: { rows: 0, numbers: new Float64Array(), texts: '' },
  masksModes: false,
});

const echo = script(
  `parentPort.on('message', ({ id }) => parentPort.postMessage({ id, end: { answer: { result: { written: threadId } } } }));`,
);

describe('a worker pool', () => {
  test('spreads jobs over its threads', async () => {
    const slow = script(
      `parentPort.on('message', ({ id }) => setTimeout(() => parentPort.postMessage({ id, end: { answer: { result: { written: threadId } } } }), 20));`,
    );
    const pool = new WorkerPool(slow, 3);
    const answers = await Promise.all(Array.from({ length: 12 }, () => pool.run(job())));
    expect(new Set(answers.map(({ written }) => written)).size).toBe(3);
    await pool.close();
  });

  test('limits the memory of a thread for short-lived objects', async () => {
    const limits = script(
      `import { resourceLimits } from 'node:worker_threads';
      parentPort.on('message', ({ id }) => parentPort.postMessage({ id, end: { answer: { result: { written: resourceLimits.maxYoungGenerationSizeMb } } } }));`,
    );
    const pool = new WorkerPool(limits, 1);
    expect((await pool.run(job())).written).toBeLessThanOrEqual(16);
    await pool.close();
  });

  test.each([
    ['DamagedArchiveError', DamagedArchiveError],
    ['SourceTreeError', SourceTreeError],
    ['TypeError', Error],
  ])('rejects with the %s of a worker', async (name, kind) => {
    const failing = script(
      `parentPort.on('message', ({ id }) => parentPort.postMessage({ id, end: { answer: { failure: { name: '${name}', message: 'why', code: 'EX' } } } }));`,
    );
    const pool = new WorkerPool(failing, 1);
    const failure = await pool.run(job()).catch(error => error);
    expect(failure).toBeInstanceOf(kind);
    expect(failure).toMatchObject({ message: 'why', code: 'EX' });
    await pool.close();
  });

  test.each([
    ['throws', `parentPort.on('message', () => { throw new Error('broken'); });`, 'broken'],
    ['ends', `parentPort.on('message', () => process.exit(3));`, 'a worker thread ended with code 3'],
    ['cannot be loaded', `import 'cache-s3-no-such-module';`, 'cache-s3-no-such-module'],
  ])('rejects all jobs when a worker %s', async (_, body, message) => {
    const pool = new WorkerPool(script(body), 2);
    const settled = await Promise.allSettled(Array.from({ length: 9 }, () => pool.run(job())));
    expect(settled.map(({ status }) => status)).toEqual(Array(9).fill('rejected'));
    await expect(pool.run(job())).rejects.toThrow(message);
    await pool.close();
  });

  test('rejects a job that cannot be sent to a worker, and runs the others', async () => {
    const pool = new WorkerPool(echo, 1);
    const unsendable = { ...job(), paths: (() => {}) as unknown as string };
    // A worker has two jobs at a time: the last ones are sent when the first ones have ended
    const jobs = [job(), job(), unsendable, job()].map(one => pool.run(one));
    const settled = await Promise.allSettled(jobs);
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
    expect(settled[2]).toMatchObject({ reason: { name: 'DataCloneError' } });
    await pool.close();
  });

  test('rejects its jobs when no thread can be started', async () => {
    // Node refuses such a URL at once
    const pool = new WorkerPool(new URL('http://127.0.0.1/'), 2);
    pool.start();
    await expect(pool.run(job())).rejects.toThrow('must be of scheme file');
    expect(() => pool.reserve(1)).toThrow('must be of scheme file');
    await pool.close();
  });

  test('ends at once when it is closed during a job', async () => {
    const stuck = script(`parentPort.on('message', () => { for (;;); });`);
    const pool = new WorkerPool(stuck, 2);
    const waiting = Promise.allSettled([pool.run(job()), pool.run(job()), pool.run(job())]);
    await pool.close();
    for (const outcome of await waiting)
      expect(outcome).toMatchObject({ reason: { message: 'the worker pool is closed' } });
    await expect(pool.run(job())).rejects.toThrow('closed');
    await pool.close();
  });

  test('starts a thread only when the others are busy', async () => {
    const [earlier, idle, later] = [1, 8, 8].map(width => new WorkerPool(echo, width)) as [
      WorkerPool,
      WorkerPool,
      WorkerPool,
    ];
    // Threads have numbers in the order in which they start
    const { written: last } = await earlier.run(job());
    await idle.close();
    const answers = [await later.run(job()), await later.run(job())];
    expect(answers.map(({ written }) => written)).toEqual([last + 1, last + 1]);
    await Promise.all([earlier.close(), later.close()]);
  });
});

describe('a buffer in a worker', () => {
  /** Reports its thread for each message, after a byte of progress for a fetch. */
  const reporting = script(
    `parentPort.on('message', ({ id, buffer, job, at, length }) => {
      const end = answer => parentPort.postMessage({ id, end: { answer } });
      if (job) return end({ result: { written: [threadId, buffer] } });
      parentPort.postMessage({ id, bytes: 1 });
      end([threadId, buffer, at, length]);
    });`,
  );

  test('gets its fetches and its job in the same thread', async () => {
    const pool = new WorkerPool(reporting, 2);
    const buffers = [1, 2, 3, 4].map(length => ({ length, buffer: pool.reserve(length) }));
    const threads = await Promise.all(
      buffers.map(async ({ length, buffer }) => {
        let bytes = 0;
        const onBytes = (count: number) => {
          bytes += count;
        };
        const fetches = [0, 1].map(at => buffer.fetch({}, at, onBytes));
        const [first, second] = (await Promise.all(fetches)) as number[][];
        expect(bytes).toBe(2);
        expect(first![3]).toBe(length);
        expect(second).toEqual([first![0], first![1], 1, length]);
        expect((await buffer.run(job())).written).toEqual(first!.slice(0, 2));
        return first![0]!;
      }),
    );
    const counts = [...new Set(threads)].map(thread => threads.filter(one => one === thread).length);
    expect(counts).toEqual([2, 2]);
    await pool.close();
  });

  test('is reserved in a worker that runs no job, if there is one', async () => {
    const stuck = script(`parentPort.on('message', () => { for (;;); });`);
    const pool = new WorkerPool(stuck, 2);
    pool.start();
    const running = Promise.allSettled([pool.run(job())]);
    expect(pool.reserve(1).isWorkerBusy()).toBe(false);
    await pool.close();
    await running;
  });

  test('is given back when its job fails', async () => {
    const failing = script(
      `parentPort.on('message', ({ id, job }) => {
        const answer = job ? { failure: { name: 'Error', message: 'why' } } : threadId;
        parentPort.postMessage({ id, end: { answer } });
      });`,
    );
    const pool = new WorkerPool(failing, 2);
    const threadOf = (buffer: WorkerBuffer) => buffer.fetch({}, 0, () => {});
    const first = pool.reserve(1);
    const thread = await threadOf(first);
    await expect(first.run(job())).rejects.toThrow('why');
    expect(await threadOf(pool.reserve(1))).toBe(thread);
    await pool.close();
  });

  test('belongs to a busy worker until its jobs are done', async () => {
    const pool = new WorkerPool(echo, 1);
    const [first, second] = [pool.reserve(1), pool.reserve(1)];
    const running = first.run(job());
    expect(second.isWorkerBusy()).toBe(true);
    await running;
    expect(second.isWorkerBusy()).toBe(false);
    await pool.close();
  });

  test.each([
    ['ends', 'process.exit(3)', 'a worker thread ended with code 3'],
    ['has a faulty fetcher', `Promise.reject(new Error('broken'))`, 'broken'],
  ])('rejects its fetch when the worker %s', async (_, body, message) => {
    const pool = new WorkerPool(script(`parentPort.on('message', () => { ${body}; });`), 1);
    const buffer = pool.reserve(1);
    await expect(buffer.fetch({}, 0, () => {})).rejects.toThrow(message);
    await expect(buffer.run(job())).rejects.toThrow(message);
    await pool.close();
  });

  test('rejects its fetch when the pool is closed', async () => {
    const pool = new WorkerPool(script(`parentPort.on('message', () => {});`), 1);
    const fetching = pool
      .reserve(1)
      .fetch({}, 0, () => {})
      .catch(error => error);
    await pool.close();
    expect(await fetching).toMatchObject({ message: 'the worker pool is closed' });
    expect(() => pool.reserve(1)).toThrow('the worker pool is closed');
  });
});
