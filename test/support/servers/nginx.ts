import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { closedPort } from './listen.ts';
import { needPackages, ServerUnavailableError, searchPath } from './packages.ts';

/** nginx in front of a server: `await using` ends it. */
export interface Nginx extends AsyncDisposable {
  readonly endpoint: string;
}

/** @throws ServerUnavailableError where nginx is not installed and cannot be. */
export function needNginx(): void {
  needPackages('nginx', ['nginx-light']);
}

/**
 * Starts nginx in front of `host:port`.
 * @param settings of its location, as in `client_max_body_size 0;`.
 * @param shared settings of its http block.
 * @param tls the file of a certificate with its key, and further words of the line `listen`.
 * @throws ServerUnavailableError where it cannot be started.
 */
export async function startNginx(
  target: string,
  settings = '',
  shared = '',
  tls?: { readonly certificate: string; readonly words?: string },
): Promise<Nginx> {
  needNginx();
  const directory = await fs.mkdtemp(path.join(tmpdir(), 'cache-s3-nginx-'));
  const port = await closedPort();
  const spare = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const secure = tls ? `ssl_certificate ${tls.certificate}; ssl_certificate_key ${tls.certificate};` : '';
  const words = tls ? `ssl ${tls.words ?? ''}` : '';
  const configuration = `
    ${process.getuid?.() === 0 ? 'user root;' : ''} worker_processes 1; daemon off; pid ${directory}/pid; error_log ${directory}/error.log warn;
    events { worker_connections 512; }
    http {
      access_log off; ${spare.map(name => `${name}_temp_path ${directory}/${name};`).join(' ')}
      ${shared}
      server { listen 127.0.0.1:${port} ${words}; ${secure} location / { proxy_pass http://${target}; proxy_set_header Host $http_host; ${settings} } }
    }`;
  await fs.writeFile(path.join(directory, 'nginx.conf'), configuration);
  const child = spawn('nginx', ['-p', directory, '-c', path.join(directory, 'nginx.conf')], {
    stdio: 'ignore',
    env: searchPath(),
  });
  const exited = once(child, 'exit');
  const endpoint = `${tls ? 'https' : 'http'}://127.0.0.1:${port}`;
  const end = async () => {
    child.kill('SIGTERM');
    await exited;
    await fs.rm(directory, { recursive: true, force: true });
  };
  // nginx also answers http on a TLS port
  if (await answers(`http://127.0.0.1:${port}`, 100)) return { endpoint, [Symbol.asyncDispose]: end };
  const reason = await fs.readFile(path.join(directory, 'error.log'), 'utf8').catch(() => '');
  await end();
  throw new ServerUnavailableError(`nginx does not start: ${reason.trim().split('\n').at(-1)}`);
}

/** Whether a server responds within so many tries of 50 ms. */
export async function answers(endpoint: string, tries: number): Promise<boolean> {
  for (let left = tries; left > 0; left--) {
    const up = await fetch(endpoint, { redirect: 'manual' }).then(
      () => true,
      () => false,
    );
    if (up) return true;
    await new Promise(resolve => setTimeout(resolve, 50));
  }
  return false;
}
