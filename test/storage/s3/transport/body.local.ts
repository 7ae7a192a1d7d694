import { expect, test } from 'vitest';
import { readInto, readWhole } from '../../../../src/storage/s3/transport/body.ts';
import { writeForever } from '../../../support/servers/hostile-socket.ts';
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
