import type { Socket } from 'node:net';
import { afterEach, beforeEach, vi } from 'vitest';
import { systemClock } from '../../../../src/retry/clock.ts';
import { readConnectionSettings } from '../../../../src/storage/s3/transport/agents.ts';
import {
  type SendOptions,
  Transport,
  type TransportRequest,
  type TransportResponse,
} from '../../../../src/storage/s3/transport/transport.ts';
import { serveTcp } from '../../../support/servers/serve.ts';

/** Sends requests of the current test to ports of the loopback interface. */
export interface TestTransport {
  /** Sends with limits that a busy machine keeps. */
  send(
    port: number,
    request?: Partial<TransportRequest>,
    options?: Partial<SendOptions>,
  ): Promise<TransportResponse>;
  /** Sends a request to a server that calls `answer` once it has received the request. */
  sendTo(answer: (socket: Socket) => void, idleTimeoutMs?: number): Promise<TransportResponse>;
  /** Reads the environment again, for the requests that follow. */
  reopen(): void;
}

/** The proxies of an environment that has none. */
export const NO_PROXIES = { http: undefined, https: undefined, noProxy: '' };

/** Makes a request to a port of the loopback interface. */
export const requestTo = (port: number, more: Partial<TransportRequest> = {}): TransportRequest => ({
  method: 'GET',
  protocol: 'http:',
  hostname: '127.0.0.1',
  port,
  target: '/bucket/key',
  headers: { host: `127.0.0.1:${port}` },
  ...more,
});

/** Opens a transport for each test of the calling file, in an environment without proxies. */
export function useTransport(): TestTransport {
  let transport: Transport;
  const open = () => {
    const settings = readConnectionSettings({ caFile: undefined, environment: process.env });
    transport = new Transport(settings, systemClock);
  };
  beforeEach(() => {
    for (const name of Object.keys(process.env)) if (/_proxy$/i.test(name)) vi.stubEnv(name, undefined);
    open();
  });
  afterEach(() => {
    transport.close();
    vi.unstubAllEnvs();
  });
  const send: TestTransport['send'] = (port, request, options) =>
    transport.send(requestTo(port, request), { connectMs: 20_000, idleTimeoutMs: 20_000, ...options });
  return {
    send,
    async sendTo(answer, idleTimeoutMs = 20_000) {
      const port = await serveTcp(socket => socket.once('data', () => answer(socket)));
      return send(port, {}, { idleTimeoutMs });
    },
    reopen() {
      transport.close();
      open();
    },
  };
}
