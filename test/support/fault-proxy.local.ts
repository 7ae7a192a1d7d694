import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { startFaultProxy } from './fault-proxy.ts';

/** More than what the sockets between client, proxy and server hold together. */
const BODY = Buffer.alloc(64 * 1024 * 1024);

test.each(['as it is', 'corrupted'])(
  'a body that is answered before it is through, %s, does not stand in the way of the next request',
  async how => {
    const answered = Promise.withResolvers<void>();
    const server = http.createServer((from, to) => {
      from.on('error', () => {});
      to.writeHead(503, { 'content-length': 4 }).end('busy');
      void answered.promise.then(() => from.resume());
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const proxy = await startFaultProxy(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    if (how === 'corrupted') proxy.rule = () => ({ kind: 'corrupt-upload', atByte: 0 });
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(async () => {
      agent.destroy();
      await proxy.close();
      server.closeAllConnections();
      server.close();
    });

    for (let i = 0; i < 2; i++) {
      const sent = http.request(proxy.endpoint, { method: 'PUT', agent }).end(BODY);
      const finished = once(sent, 'finish');
      const [message] = (await once(sent, 'response')) as [http.IncomingMessage];
      expect(message.statusCode).toBe(503);
      await once(message.resume(), 'end');
      answered.resolve();
      await finished;
    }
    expect(proxy.requests).toHaveLength(2);
  },
  10_000,
);
