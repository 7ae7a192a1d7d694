import { type ChildProcess, spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { setTimeout as delay } from 'node:timers/promises';
import { accepts, closedPort } from '../servers/listen.ts';

/**
 * A blob store as GitHub's cache uses it: Azurite, in memory, on its own port.
 *
 * The client downloads from hosts that are not Azure's (*.blob.core.windows.net) in a single stream, so its concurrent
 * download is not covered by tests against this server.
 */
export interface Azurite {
  readonly port: number;
  /** Returns a URL that allows to read (`r`) or to create and write (`cw`) one blob, as the cache service signs it. */
  signedUrl(blob: string, permissions: 'r' | 'cw'): string;
  stop(): Promise<void>;
}

/** The fixed account of Azurite, whose key is public (learn.microsoft.com, "Use the Azurite emulator"). */
const ACCOUNT = 'devstoreaccount1';
const ACCOUNT_KEY =
  'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';
const CONTAINER = 'caches';

export async function startAzurite(): Promise<Azurite> {
  const port = await closedPort();
  const main = createRequire(import.meta.url).resolve('azurite/dist/src/blob/main.js');
  const flags = ['--silent', '--inMemoryPersistence', '--skipApiVersionCheck', '--disableTelemetry'];
  const server = spawn(process.execPath, [main, ...flags, '--blobPort', String(port)], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  await untilListening(port, server);
  await createContainer(port);
  return {
    port,
    signedUrl: (blob, permissions) =>
      `http://127.0.0.1:${port}/${ACCOUNT}/${CONTAINER}/${blob}?${blobSignature(blob, permissions)}`,
    async stop() {
      if (server.exitCode !== null || server.signalCode !== null) return;
      server.kill('SIGKILL');
      await once(server, 'exit');
    },
  };
}

async function untilListening(port: number, server: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 2400; attempt++) {
    if (server.exitCode !== null) throw new Error(`Azurite ended with exit code ${server.exitCode}`);
    if (await accepts(port)) return;
    await delay(50);
  }
  throw new Error(`Azurite does not listen on port ${port} after 120 s`);
}

/** Creates the container with an account signature, so that no client library is needed. */
async function createContainer(port: number): Promise<void> {
  const account = { sv: '2022-11-02', ss: 'b', srt: 'c', sp: 'c', se: '2099-01-01T00:00:00Z' };
  const toSign = [ACCOUNT, account.sp, account.ss, account.srt, '', account.se, '', '', account.sv, '', ''];
  const query = new URLSearchParams({ ...account, sig: sign(toSign) });
  const address = `http://127.0.0.1:${port}/${ACCOUNT}/${CONTAINER}?restype=container&${query}`;
  const response = await fetch(address, { method: 'PUT', headers: { 'x-ms-version': account.sv } });
  if (response.status !== 201)
    throw new Error(`Azurite did not create a container: ${await response.text()}`);
}

/** Signs the access to one blob (learn.microsoft.com, "Create a service SAS", version 2020-12-06 and later). */
function blobSignature(blob: string, permissions: string): URLSearchParams {
  const version = '2022-11-02';
  const expiry = '2099-01-01T00:00:00Z';
  const resource = `/blob/${ACCOUNT}/${CONTAINER}/${blob}`;
  const empty = (count: number) => Array<string>(count).fill('');
  // Permissions, start, expiry, resource, identifier, IP, protocol, version, resource type, snapshot, encryption scope and
  // five response headers
  const toSign = [permissions, '', expiry, resource, ...empty(3), version, 'b', ...empty(7)];
  return new URLSearchParams({ sp: permissions, se: expiry, sv: version, sr: 'b', sig: sign(toSign) });
}

function sign(fields: readonly string[]): string {
  return createHmac('sha256', Buffer.from(ACCOUNT_KEY, 'base64')).update(fields.join('\n')).digest('base64');
}
