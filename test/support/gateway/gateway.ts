/** Starts throw-away RADOS Gateways for tests, benchmarks and the demo. Needs no test runner. */

import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const here = path.dirname(fileURLToPath(import.meta.url));

/** One bucket and the keys of the user who owns it. */
export interface BucketAccess {
  readonly bucket: string;
  readonly accessKey: string;
  readonly secretKey: string;
}

/** The addresses, keys and processes of a gateway: plain data, which other processes can get. */
export interface GatewayInfo extends BucketAccess {
  /** http, on 127.0.0.1. */
  readonly endpoint: string;
  /** https, with the self-signed certificate in `caFile`; also valid for localhost and *.s3.localhost. */
  readonly tlsEndpoint: string;
  readonly caFile: string;
  readonly region: string;
  /** A second user, with no right to the first one's bucket. */
  readonly other: BucketAccess;
  readonly directory: string;
  /** For faults: with a stopped OSD requests hang; the gateway can be stopped or killed. */
  readonly pids: { readonly rgw: number; readonly osd: number; readonly mon: number };
}

export interface Gateway extends GatewayInfo {
  /** Ends the daemons and removes their directory. Also works while they are stopped by SIGSTOP. Idempotent. */
  stop(): Promise<void>;
  /** Runs radosgw-admin against this gateway: `admin(['user', 'list'])`. Resolves to its standard output. */
  admin(args: readonly string[]): Promise<string>;
}

export interface GatewayOptions {
  /** memstore by default; bluestore survives a SIGKILL of the OSD. */
  readonly store?: 'memstore' | 'bluestore';
  /** The size of the OSD's device in GiB, which need not exist. */
  readonly sizeGib?: number;
  /** Lines for the gateway's section of ceph.conf: `{'rgw lc debug interval': '4'}`. */
  readonly rgwSettings?: Readonly<Record<string, string>>;
  readonly osdSettings?: Readonly<Record<string, string>>;
  /** Further words for rgw_frontends: `request_timeout_ms=3000`. */
  readonly frontend?: string;
}

/** The gateway cannot be started. The message is the reason, in one line. */
export class GatewayUnavailableError extends Error {
  override readonly name = 'GatewayUnavailableError';
}

const directoryPrefix = 'cache-s3-gateway-';

/**
 * Starts a gateway with one bucket for each of two users. Takes about 1.5 s, and longer if packages must be fetched.
 * @throws GatewayUnavailableError when it cannot be started.
 */
export async function startGateway(options: GatewayOptions = {}): Promise<Gateway> {
  if (process.platform !== 'linux') {
    throw new GatewayUnavailableError(
      `a RADOS Gateway can only be started on Linux, this is ${process.platform}`,
    );
  }
  await removeOrphans();
  // By the pid in the name the next run checks whether the owner runs
  const directory = path.join(tmpdir(), `${directoryPrefix}${process.pid}-${randomBytes(4).toString('hex')}`);
  const env = { ...process.env, ...settings(options) };
  try {
    await run(path.join(here, 'up.sh'), [directory], { env, maxBuffer: 1 << 24 });
  } catch (error) {
    throw new GatewayUnavailableError(lastLine((error as { stderr?: string }).stderr) ?? String(error));
  }
  const info = await readGateway(directory);
  await waitForGateway(info.endpoint);
  const gateway: Gateway = { ...info, stop: () => stop(directory), admin: args => admin(directory, args) };
  await Promise.all([createBucket(info, info), createBucket(info, info.other)]);
  return gateway;
}

/** Waits until the gateway responds, at most 10 s: the daemon reports that it is ready before its port is open. */
export async function waitForGateway(endpoint: string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const answered = await fetch(endpoint).then(
      () => true,
      () => false,
    );
    if (answered) return;
    await delay(50);
  }
  throw new GatewayUnavailableError(`the gateway does not respond at ${endpoint}`);
}

/** Returns the gateway that another process started. */
export function attachGateway(info: GatewayInfo): Omit<Gateway, 'stop'> {
  return { ...info, admin: args => admin(info.directory, args) };
}

function settings(options: GatewayOptions): NodeJS.ProcessEnv {
  const lines = (values: Readonly<Record<string, string>> = {}) =>
    Object.entries(values)
      .map(([name, value]) => `${name} = ${value}`)
      .join(';');
  return {
    ...(options.store && { GATEWAY_STORE: options.store }),
    ...(options.sizeGib && { GATEWAY_SIZE_GB: String(options.sizeGib) }),
    ...(options.rgwSettings && { GATEWAY_RGW: lines(options.rgwSettings) }),
    ...(options.osdSettings && { GATEWAY_OSD: lines(options.osdSettings) }),
    ...(options.frontend && { GATEWAY_FRONTEND: options.frontend }),
  };
}

/** Reads the description of the gateway that another process has started in a directory. */
export async function readGateway(directory: string): Promise<GatewayInfo> {
  const lines = (await readFile(path.join(directory, 'env'), 'utf8')).trim().split('\n');
  const values = new Map(
    lines.map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
  const value = (name: string) => {
    const found = values.get(name);
    if (!found) throw new GatewayUnavailableError(`${directory}/env does not name ${name}`);
    return found;
  };
  return {
    endpoint: value('ENDPOINT'),
    tlsEndpoint: value('TLS_ENDPOINT'),
    caFile: value('CA_FILE'),
    region: value('REGION'),
    bucket: 'test-bucket',
    accessKey: value('ACCESS_KEY'),
    secretKey: value('SECRET_KEY'),
    other: {
      bucket: 'other-bucket',
      accessKey: value('OTHER_ACCESS_KEY'),
      secretKey: value('OTHER_SECRET_KEY'),
    },
    directory,
    pids: { rgw: Number(value('RGW_PID')), osd: Number(value('OSD_PID')), mon: Number(value('MON_PID')) },
  };
}

/** Creates a bucket; one that its user owns already is kept. */
export async function createBucket(
  gateway: Pick<GatewayInfo, 'endpoint' | 'region'>,
  access: BucketAccess,
): Promise<void> {
  // Loaded here because the SDK takes long to load
  const { Bucket } = await import('./bucket.ts');
  const bucket = new Bucket(gateway, access);
  await bucket.create().finally(() => bucket.close());
}

async function stop(directory: string): Promise<void> {
  await run(path.join(here, 'down.sh'), [directory]);
}

async function admin(directory: string, args: readonly string[]): Promise<string> {
  const { stdout } = await run(path.join(directory, 'radosgw-admin'), args, { maxBuffer: 1 << 26 });
  return stdout;
}

/**
 * Ends gateways whose owner was killed. Their daemons must be in this machine's /proc: another container may share the
 * temporary directory, and its pids are other processes here.
 */
async function removeOrphans(): Promise<void> {
  const names = (await readdir(tmpdir())).filter(name => name.startsWith(directoryPrefix));
  for (const name of names) {
    const owner = Number(name.slice(directoryPrefix.length).split('-')[0]);
    const directory = path.join(tmpdir(), name);
    if (isAlive(owner) || !(await hasDaemon(directory))) continue;
    await stop(directory).catch(() => undefined);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function hasDaemon(directory: string): Promise<boolean> {
  for (const daemon of ['client.rgw.a', 'osd.0', 'mon.a']) {
    const pid = (await readFile(path.join(directory, 'run', `${daemon}.pid`), 'utf8').catch(() => '')).trim();
    const command = pid && (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''));
    if (command?.includes(path.join(directory, 'ceph.conf'))) return true;
  }
  return false;
}

/** Returns the last line of a script's standard error without `gateway: `. */
function lastLine(stderr: string | undefined): string | undefined {
  const line = stderr?.trim().split('\n').at(-1);
  return line?.replace(/^gateway: /, '') || undefined;
}
