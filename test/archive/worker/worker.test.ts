import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import { expect, onTestFinished, test } from 'vitest';
import { compressFrame, sha256 } from '../../../src/archive/format/codec.ts';
import { newHashKey } from '../../../src/archive/format/content-hashes.ts';
import { encodeContentJob } from '../../../src/archive/messages/content-job.ts';
import type { Fetcher } from '../../../src/archive/messages/fetch.ts';
import type { Job, JobOutcome } from '../../../src/archive/messages/job.ts';
import { encodeListJob } from '../../../src/archive/messages/list-job.ts';
import { encodePackJob } from '../../../src/archive/messages/pack-job.ts';
import type { Report } from '../../../src/archive/messages/report.ts';
import { UnpackJobWriter } from '../../../src/archive/messages/unpack-job.ts';
import { InlineRunner, serveJobs } from '../../../src/archive/worker/worker.ts';
import { scratch } from '../../support/scratch.ts';

const raw = Buffer.from('content');
const frame = compressFrame(raw, 3);
const key = newHashKey();
const attributes = { mode: 0o640, mtimeUs: 0, mtimeRestNs: 0, uid: -1, gid: -1 };

/** A job that writes the file `path` out of one frame with these bytes. */
function unpackJob(path: string, bytes: Uint8Array<ArrayBuffer>) {
  const job = new UnpackJobWriter(1);
  job.addFrame(0, { size: frame.length, rawSize: raw.length, sha256: sha256(frame) });
  job.addPiece({ frame: 0, offset: 0, size: raw.length, position: 0, isSlice: false }, attributes, path);
  return job.finish(bytes, { masksModes: false });
}

/** Serves a port as a worker does. Returns a function that sends a message and returns the next report. */
function serve(fetcher: Fetcher = () => expect.unreachable()) {
  const { port1, port2 } = new MessageChannel();
  onTestFinished(() => port1.close());
  serveJobs(port2, fetcher);
  return async (message: object): Promise<Report<JobOutcome>> => {
    port1.postMessage(message);
    return (await once(port1, 'message'))[0] as Report<JobOutcome>;
  };
}

test('a worker answers each job with its result, under the number of the job', async () => {
  const directory = scratch();
  writeFileSync(join(directory, 'a'), '');
  const send = serve();
  const job: Job = encodeListJob([directory], false);
  expect(await send({ id: 7, job })).toMatchObject({
    id: 7,
    end: { answer: { result: { reached: 1, texts: `${directory}\0a` } } },
  });
});

test('a worker answers a job that fails with the name and the message of the error', async () => {
  const path = join(scratch(), 'file');
  const send = serve();
  const damaged = Uint8Array.from(frame).fill(0);
  expect(await send({ id: 8, job: unpackJob(path, damaged) })).toMatchObject({
    id: 8,
    end: { answer: { failure: { name: 'DamagedArchiveError' } } },
  });
  // It serves the next one
  expect(await send({ id: 9, job: unpackJob(path, Uint8Array.from(frame)) })).toMatchObject({
    end: { answer: { result: { written: raw.length } } },
  });
});

test('a worker hands over the memory of a frame that it has packed, and copies no other result', async () => {
  const { port1, port2 } = new MessageChannel();
  onTestFinished(() => port1.close());
  const transferred: unknown[] = [];
  const post = port2.postMessage.bind(port2);
  port2.postMessage = (message, list) => {
    transferred.push(list);
    post(message, list as []);
  };
  serveJobs(port2, () => expect.unreachable());
  const answerTo = async (job: Job) => {
    port1.postMessage({ id: 1, job });
    return (await once(port1, 'message'))[0].end.answer.result;
  };
  const { bytes } = await answerTo(encodePackJob({ members: [], slice: undefined }, 3));
  await answerTo(encodeListJob([scratch()], false));
  expect(bytes.length).toBeGreaterThan(0);
  expect(transferred).toEqual([[expect.any(ArrayBuffer)], []]);
  expect((transferred[0] as ArrayBuffer[])[0]!.detached).toBe(true);
});

test('a worker runs a job on the bytes that it has fetched into the buffer of the job', async () => {
  const send = serve(async (_, target, onBytes) => {
    target.bytes.set(frame, target.filled);
    target.filled += frame.length;
    onBytes(frame.length);
    return 'answer';
  });
  const fetched = await send({ id: 1, buffer: 3, length: frame.length, at: 0, ticket: {} });
  expect(fetched).toEqual({ id: 1, bytes: frame.length, end: { answer: 'answer' } });
  const job = unpackJob(join(scratch(), 'file'), new Uint8Array(0));
  expect(await send({ id: 2, job, buffer: 3 })).toMatchObject({
    id: 2,
    end: { answer: { result: { written: raw.length } } },
  });
});

test('a runner without threads frees the bytes of a job, also of one that fails', async () => {
  const runner = new InlineRunner();
  const [sound, damaged] = [Uint8Array.from(frame), Uint8Array.from(frame).fill(0)];
  expect(await runner.run(unpackJob(join(scratch(), 'file'), sound))).toMatchObject({ written: raw.length });
  await expect(runner.run(unpackJob(join(scratch(), 'file'), damaged))).rejects.toThrow('a frame');
  expect([sound.length, damaged.length]).toEqual([0, 0]);
});

test.each<[string, () => Job]>([
  ['job', () => encodeListJob([scratch()], false)],
  ['of several jobs that wait for the same hasher', () => encodeContentJob([], key)],
])('a runner without threads gives the event loop a turn before each %s', async (_, jobOf) => {
  const job = jobOf();
  const runner = new InlineRunner();
  const order: string[] = [];
  const run = async (name: string) => {
    await runner.run(job);
    order.push(name);
    setImmediate(() => order.push(`a turn after ${name}`));
  };
  await Promise.all(['one', 'two', 'three'].map(run));
  // The turn of a job comes before all that its predecessor has left for that turn
  expect(order).toEqual(['one', 'two', 'a turn after one', 'three']);
});

test('a runner without threads runs no job after it has been closed', async () => {
  const directory = scratch();
  const runner = new InlineRunner();
  const path = join(directory, 'file');
  const job = runner.run(unpackJob(path, Uint8Array.from(frame)));
  await Promise.all([expect(job).rejects.toThrow('closed'), runner.close()]);
  expect(existsSync(path)).toBe(false);
});
