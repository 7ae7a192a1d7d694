import type { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { readWhole } from '../../../../src/storage/s3/transport/body.ts';
import { writeSlowly } from '../../../support/servers/hostile-socket.ts';
import { useTransport } from './use-transport.ts';

const transport = useTransport();

const dripping = (socket: Socket) => {
  socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n');
  writeSlowly(socket, 'x', 20);
};

test('a body that drips in is given up', async () => {
  const { body } = await transport.sendTo(dripping, 500);
  await expect(readWhole(body, 1000)).rejects.toMatchObject({
    name: 'TimeoutError',
    message: 'less than 512 bytes within 0.5 s',
  });
});

test('a body that is never read is given up', async () => {
  const { body } = await transport.sendTo(dripping, 500);
  await expect.poll(() => body.destroyed, { timeout: 60_000 }).toBe(true);
});
