import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { expect, test } from 'vitest';
import { readInto, readWhole } from '../../../../src/storage/s3/transport/body.ts';
import { writeForever } from '../../../support/servers/hostile-socket.ts';
import { MiB } from '../../../support/sizes.ts';
import { useTransport } from './use-transport.ts';

const transport = useTransport();

test('a body without end is destroyed at its bound', async () => {
  const { body } = await transport.sendTo(socket => {
    socket.write('HTTP/1.1 500 Error\r\n\r\n');
    writeForever(socket, 'x');
  });
  await expect(readWhole(body, 1000)).rejects.toThrow('longer than 1000 bytes');
  expect(body.destroyed).toBe(true);
});

test('a body in chunks of one byte takes little more memory than its length', async () => {
  const count = 1_000_000;
  const { body } = await transport.sendTo(socket => {
    socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
    void pipeline(Readable.from(oneByteChunks(count)), socket);
  });
  const before = process.memoryUsage.rss();
  const read = await readWhole(body, 8 * MiB);
  expect(read.length).toBe(count);
  expect(process.memoryUsage.rss() - before).toBeLessThan(200 * MiB);
});

test('a body that is longer than the range is an error at once', async () => {
  const { body } = await transport.sendTo(socket => {
    socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
    writeForever(socket, `5\r\nhello\r\n`);
  });
  const target = { bytes: new Uint8Array(1000), filled: 0 };
  await expect(readInto(target, body, () => {})).rejects.toMatchObject({ name: 'ProtocolError' });
  expect(target.filled).toBeLessThanOrEqual(1000);
});

test('a body that ends early is a broken connection', async () => {
  const { body } = await transport.sendTo(socket =>
    socket.end('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf'),
  );
  const target = { bytes: new Uint8Array(10), filled: 0 };
  await expect(readInto(target, body, () => {})).rejects.toMatchObject({ code: 'ECONNRESET' });
  expect(target.filled).toBe(4);
});

/** Yields a body of `count` bytes in chunks of one byte, with its end. */
function* oneByteChunks(count: number): Generator<string> {
  const chunks = '1\r\nx\r\n'.repeat(10_000);
  for (let sent = 0; sent < count; sent += 10_000) yield chunks;
  yield '0\r\n\r\n';
}
