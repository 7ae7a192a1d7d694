import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { accepts, closedPort } from './listen.ts';
import { needPackages, ServerUnavailableError, searchPath } from './packages.ts';

/** HAProxy in front of a server: `await using` ends it. */
export interface Haproxy extends AsyncDisposable {
  readonly endpoint: string;
}

export interface HaproxySettings {
  /** Words of the line `bind`: of TLS. */
  readonly bind?: string;
  /** Lines of the section `defaults`. */
  readonly defaults?: string;
  /** Words of the line `server`. */
  readonly server?: string;
}

/** @throws ServerUnavailableError where HAProxy is not installed and cannot be. */
export function needHaproxy(): void {
  needPackages('haproxy', ['haproxy']);
}

/**
 * Starts HAProxy in front of `host:port`.
 * @throws ServerUnavailableError where it cannot be started.
 */
export async function startHaproxy(target: string, settings: HaproxySettings = {}): Promise<Haproxy> {
  needHaproxy();
  const { bind = '', defaults = '', server = '' } = settings;
  const directory = await fs.mkdtemp(path.join(tmpdir(), 'cache-s3-haproxy-'));
  const port = await closedPort();
  const file = path.join(directory, 'haproxy.cfg');
  const configuration = `
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  ${defaults}
frontend front
  bind 127.0.0.1:${port} ${bind}
  default_backend store
backend store
  server store ${target} ${server}
`;
  await fs.writeFile(file, configuration);
  const child = spawn('haproxy', ['-db', '-f', file], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: searchPath(),
  });
  let log = '';
  child.stderr.on('data', chunk => {
    log = (log + chunk).slice(-10_000);
  });
  const exited = once(child, 'exit');
  const end = async () => {
    child.kill('SIGKILL');
    await exited;
    await fs.rm(directory, { recursive: true, force: true });
  };
  for (let tries = 0; tries < 100; tries++) {
    if (await accepts(port)) {
      return {
        endpoint: `${bind === '' ? 'http' : 'https'}://127.0.0.1:${port}`,
        [Symbol.asyncDispose]: end,
      };
    }
    await delay(50);
  }
  await end();
  throw new ServerUnavailableError(`HAProxy does not start: ${log.trim().split('\n').at(-1)}`);
}
