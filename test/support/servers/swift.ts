import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Bucket } from '../gateway/bucket.ts';
import { closedPort } from './listen.ts';
import { answers } from './nginx.ts';
import { needPackages, ServerUnavailableError, searchPath } from './packages.ts';

/** A single-node OpenStack Swift with its S3 API: `await using` ends it. */
interface Swift extends AsyncDisposable {
  readonly endpoint: string;
  readonly region: string;
  readonly accessKey: string;
  readonly secretKey: string;
  newBucket(name: string): Promise<string>;
}

const PACKAGES = ['swift-proxy', 'swift-account', 'swift-container', 'swift-object'];
const STORAGE = ['account', 'container', 'object'] as const;

/**
 * Starts Swift from Debian's packages, with one copy of each object in a temporary directory: about 5 s.
 * @throws ServerUnavailableError where it cannot be started.
 */
export async function startSwift(): Promise<Swift> {
  if (process.getuid?.() !== 0) throw new ServerUnavailableError('Swift can be started only as root');
  needPackages('swift-proxy-server', PACKAGES);
  const directory = await fs.mkdtemp(path.join(tmpdir(), 'cache-s3-swift-'));
  const children: ChildProcess[] = [];
  const end = async () => {
    for (const child of children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    }
    await fs.rm(directory, { recursive: true, force: true });
  };
  await fs.mkdir(path.join(directory, 'disk/d1'), { recursive: true });
  await fs.mkdir(path.join(directory, 'cache'));
  const write = (name: string, text: string) => fs.writeFile(path.join(directory, name), text);
  await write('swift.conf', SWIFT);
  const ports: number[] = [];
  for (const server of STORAGE) {
    const port = await closedPort();
    ports.push(port);
    await write(`${server}-server.conf`, storageServer(server, directory, port));
    makeRing(server, directory, port);
  }
  const port = await closedPort();
  await write('proxy-server.conf', proxyServer(directory, port));
  const log = await fs.open(path.join(directory, 'log'), 'a');
  for (const server of [...STORAGE, 'proxy']) {
    const child = spawn(`swift-${server}-server`, [path.join(directory, `${server}-server.conf`)], {
      cwd: directory,
      stdio: ['ignore', log.fd, log.fd],
      env: searchPath(),
    });
    child.on('error', () => {});
    children.push(child);
  }
  await log.close();
  const endpoint = `http://127.0.0.1:${port}`;
  // The proxy alone would answer 503
  const up = [...ports, port].map(one => answers(`http://127.0.0.1:${one}/healthcheck`, 600));
  if ((await Promise.all(up)).includes(false)) {
    const lines = (await fs.readFile(path.join(directory, 'log'), 'utf8')).trim().split('\n');
    await end();
    throw new ServerUnavailableError(`Swift does not start: ${lines.at(-1)}`);
  }
  const access = { endpoint, region: 'us-east-1', accessKey: 'test:tester', secretKey: 'testing' };
  return {
    ...access,
    async newBucket(prefix) {
      const bucket = await Bucket.create(access, prefix);
      bucket.close();
      return bucket.name;
    },
    [Symbol.asyncDispose]: end,
  };
}

function makeRing(server: string, directory: string, port: number): void {
  const builder = path.join(directory, `${server}.builder`);
  const run = (...args: string[]) =>
    execFileSync('swift-ring-builder', [builder, ...args], { stdio: 'ignore', env: searchPath() });
  run('create', '4', '1', '0');
  run('add', `r1z1-127.0.0.1:${port}/d1`, '1');
  run('rebalance');
}

const SWIFT = `[swift-hash]
swift_hash_path_suffix = x
swift_hash_path_prefix = y
[swift-constraints]
max_header_size = 32768
[storage-policy:0]
name = gold
default = yes
`;

function serverDefaults(directory: string, port: number): string {
  return `[DEFAULT]
bind_ip = 127.0.0.1
bind_port = ${port}
workers = 0
user = root
swift_dir = ${directory}
log_address = /nonexistent
log_level = WARNING`;
}

function storageServer(server: string, directory: string, port: number): string {
  return `${serverDefaults(directory, port)}
devices = ${directory}/disk
mount_check = false
disable_fallocate = true
recon_cache_path = ${directory}/cache
fallocate_reserve = 0
[pipeline:main]
pipeline = ${server}-server
[app:${server}-server]
use = egg:swift#${server}
`;
}

/** Filters of the pipeline that need no settings. */
const FILTERS = ['catch_errors', 'healthcheck', 'proxy-logging', 'bulk', 'dlo', 'gatekeeper', 'copy'];

function proxyServer(directory: string, port: number): string {
  const filters = [...FILTERS, 'listing_formats', 'symlink'];
  return `${serverDefaults(directory, port)}
[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck proxy-logging cache listing_formats bulk s3api tempauth copy slo dlo versioned_writes symlink proxy-logging proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:1
[filter:slo]
use = egg:swift#slo
minimum_segment_size = 1
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_versioned_writes = true
allow_object_versioning = true
${filters.map(name => `[filter:${name}]\nuse = egg:swift#${name.replace('-', '_')}\n`).join('')}`;
}
