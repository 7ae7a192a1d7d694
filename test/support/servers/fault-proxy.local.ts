import { once } from 'node:events';
import http from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { startFaultProxy } from './fault-proxy.ts';
import { listen } from './listen.ts';

/** More than what the sockets between client, proxy and server hold together. */
const BODY = Buffer.alloc(64 * 1024 * 1024);

test.each(['unchanged', 'corrupted'])(
  'the fault proxy takes the next request after a response that came before the whole body, which it forwards %s',
  async how => {
    const answered = Promise.withResolvers<void>();
    const server = http.createServer((from, to) => {
      from.on('error', () => {});
      to.writeHead(503, { 'content-length': 4 }).end('busy');
      void answered.promise.then(() => from.resume());
    });
    const { endpoint, close } = await listen(server);
    const proxy = await startFaultProxy(endpoint);
    if (how === 'corrupted') proxy.rule = () => ({ kind: 'corrupt-upload', atByte: 0 });
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(async () => {
      agent.destroy();
      await proxy.close();
      await close();
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
