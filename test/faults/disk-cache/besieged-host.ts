import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { giveAway, isRoot, unprivileged } from '../../support/drop-privileges.ts';
import { incompressible, SeededRandom } from '../../support/random.ts';
import { type ActionRunResult, runAction } from '../../support/runner/run-action.ts';
import { type MemoryServer, startMemoryServer } from '../../support/servers/memory-server.ts';
import { buildTree, describeTree, type TreeDescription, treeDifferences } from '../../support/tree.ts';
import { hundredThousandFiles, sabotages, type Victim } from './sabotages.ts';

const MAX_BYTES = 100e6;
const DISK_BYTES = 300e6;
const HANG_MS = 90_000;
const SECRET = 'a secret of another user';
const SECRET_MODE = 0o600;

export interface SiegeOptions {
  /** The checkout of the action. */
  readonly actionDir: string;
  readonly fromSources?: boolean;
  /** An empty directory. */
  readonly root: string;
}

/** A host whose jobs restore a tree while another one sabotages their disk cache. */
export class BesiegedHost {
  readonly #options: SiegeOptions;
  readonly #server: MemoryServer;
  readonly #directory: string;
  readonly #secret: string;
  readonly #trees = new Map<string, TreeDescription>();
  #isMounted = false;
  #jobs = 0;

  private constructor(options: SiegeOptions, server: MemoryServer) {
    this.#options = options;
    this.#server = server;
    this.#directory = path.join(options.root, 'disk', 'frames');
    this.#secret = path.join(options.root, 'disk', 'secret');
  }

  /** Saves two generations of a tree. */
  static async start(options: SiegeOptions): Promise<BesiegedHost> {
    const host = new BesiegedHost(options, await startMemoryServer());
    await host.#begin();
    return host;
  }

  async #begin(): Promise<void> {
    const disk = path.dirname(this.#directory);
    fs.mkdirSync(disk);
    if (isRoot) {
      const size = `size=${DISK_BYTES}`;
      this.#isMounted = spawnSync('mount', ['-t', 'tmpfs', '-o', size, 'tmpfs', disk]).status === 0;
      fs.chmodSync(disk, 0o755);
    }
    this.#makeSecret();
    const workspace = this.#newWorkspace();
    await buildTree(workspace, {
      'tree/large': { content: incompressible(14e6, 'large') },
      'tree/one': { content: incompressible(3e6, 'one') },
      'tree/text': { content: 'text '.repeat(1e6) },
    });
    await this.#run(workspace, 'save', 'k-1', false);
    this.#trees.set('k-1', await describeTree(workspace));
    fs.writeFileSync(path.join(workspace, 'tree/one'), incompressible(3e6, 'changed'));
    await this.#run(workspace, 'save', 'k-2', false);
    this.#trees.set('k-2', await describeTree(workspace));
  }

  async close(): Promise<void> {
    if (this.#isMounted) spawnSync('umount', ['-l', path.dirname(this.#directory)]);
    await this.#server.close();
  }

  /** Runs some restores at once, with sabotages before and during them. Returns what was done, and the violations. */
  async round(
    seed: number,
  ): Promise<{ readonly done: readonly string[]; readonly violations: readonly string[] }> {
    const random = new SeededRandom(seed);
    const victim: Victim = { directory: this.#directory, secret: this.#secret, random };
    const done: string[] = [];
    const sabotage = () => {
      const name = random.pick(Object.keys(sabotages));
      try {
        this.#requireOwn();
        sabotages[name]!(victim);
        done.push(name);
      } catch {
        // Another process was faster, or the disk is full, as it should be
      }
    };
    this.#repairDirectory(random);
    if (random.once(150)) {
      done.push('a hundred thousand files');
      hundredThousandFiles(victim);
    }
    for (let count = random.below(3); count > 0; count--) sabotage();
    const jobs = Array.from({ length: 1 + random.below(2) }, () => this.#restore(random));
    const ended = Promise.all(jobs);
    for (let count = random.below(4); count > 0; count--) {
      await Promise.race([ended, setTimeout(random.below(400))]);
      sabotage();
    }
    const violations = (await ended).flat();
    if (this.#isSecretChanged()) {
      violations.push('the secret was changed');
      this.#makeSecret();
    }
    return { done, violations };
  }

  #makeSecret(): void {
    fs.rmSync(this.#secret, { force: true });
    fs.writeFileSync(this.#secret, SECRET, { mode: SECRET_MODE });
  }

  /** Compares the status first: a secret may have become larger than the memory. */
  #isSecretChanged(): boolean {
    const { size, mode, uid } = fs.statSync(this.#secret);
    if (size !== SECRET.length || (mode & 0o777) !== SECRET_MODE || uid !== process.getuid?.()) return true;
    return fs.readFileSync(this.#secret, 'utf8') !== SECRET;
  }

  /** Throws if the directory leads out of the host's own: a sabotage must not reach the machine. */
  #requireOwn(): void {
    const own = fs.realpathSync(path.dirname(this.#directory));
    if (path.dirname(fs.realpathSync(this.#directory)) !== own) throw new Error('it leads elsewhere');
  }

  /** Restores once without a sabotage, after a frame was removed: its end has to keep the limit. */
  async checkSize(): Promise<readonly string[]> {
    const random = new SeededRandom(this.#jobs);
    this.#repairDirectory(random);
    const [first] = this.#frames();
    if (first !== undefined) fs.rmSync(path.join(this.#directory, first), { recursive: true });
    const violations = await this.#restoreAs({}, 'k-1');
    const bytes = this.#frames().reduce((sum, name) => {
      const stats = fs.lstatSync(path.join(this.#directory, name));
      return sum + (stats.isFile() ? stats.size : 0);
    }, 0);
    return bytes <= MAX_BYTES ? violations : [...violations, `the disk cache has ${bytes} bytes`];
  }

  #frames(): string[] {
    return fs.readdirSync(this.#directory).filter(name => /^[0-9a-f]{64}(?:\.part)?$/.test(name));
  }

  /** Makes the directory usable again, sometimes empty, with a mode that differs from round to round. */
  #repairDirectory(random: SeededRandom): void {
    const away = `${this.#directory}.away`;
    if (fs.existsSync(away)) {
      fs.rmSync(this.#directory, { recursive: true, force: true });
      fs.renameSync(away, this.#directory);
    }
    fs.rmSync(`${this.#directory}.decoy`, { recursive: true, force: true });
    fs.mkdirSync(this.#directory, { recursive: true });
    if (random.once(20) || fs.readdirSync(this.#directory).length > 1000) {
      fs.rmSync(this.#directory, { recursive: true });
      fs.mkdirSync(this.#directory);
    }
    if (isRoot) fs.chownSync(this.#directory, 0, 0);
    fs.chmodSync(this.#directory, random.pick([0o1777, 0o777]));
    fs.rmSync(path.join(this.#directory, 'fill'), { force: true });
  }

  #restore(random: SeededRandom): Promise<readonly string[]> {
    return this.#restoreAs(random.once(2) ? unprivileged() : {}, random.pick([...this.#trees.keys()]));
  }

  async #restoreAs(user: { uid?: number; gid?: number }, key: string): Promise<readonly string[]> {
    const workspace = this.#newWorkspace();
    if (user.uid !== undefined) await giveAway(path.dirname(workspace));
    const { exitCode, signal, stdout, ms } = await this.#run(workspace, 'restore', key, true, user);
    const violations: string[] = [];
    if (exitCode !== 0 || signal) violations.push(`exit code ${exitCode}, signal ${signal}:\n${stdout}`);
    if (!stdout.includes('result=hit')) violations.push(`no hit:\n${stdout}`);
    if ((stdout.match(/disk cache \//g) ?? []).length > 1) violations.push(`more than one line:\n${stdout}`);
    if (stdout.includes('::warning')) violations.push(`a warning:\n${stdout}`);
    if (ms > 60_000) violations.push(`the restore took ${ms} ms`);
    const found = await describeTree(workspace).catch(() => ({}));
    violations.push(...treeDifferences(this.#trees.get(key)!, found));
    fs.rmSync(path.dirname(workspace), { recursive: true, force: true });
    return violations;
  }

  #newWorkspace(): string {
    const workspace = path.join(this.#options.root, `job-${++this.#jobs}`, 'workspace');
    fs.mkdirSync(workspace, { recursive: true });
    return workspace;
  }

  #run(
    workspace: string,
    action: 'save' | 'restore',
    key: string,
    withDiskCache: boolean,
    user: { uid?: number; gid?: number } = {},
  ): Promise<ActionRunResult> {
    const { actionDir, fromSources = false } = this.#options;
    return runAction({
      actionDir,
      action: `${action}/action.yml`,
      entry: 'main',
      fromSources,
      workspace,
      inputs: {
        path: 'tree',
        key,
        endpoint: this.#server.endpoint,
        bucket: 'bucket',
        accessKey: 'access',
        secretKey: 'secret',
        'use-fallback': 'false',
        ...(withDiskCache && { 'disk-cache': this.#directory, 'disk-cache-size': `${MAX_BYTES / 1e6}MB` }),
      },
      stop: AbortSignal.timeout(HANG_MS),
      grace: { interruptMs: 0, terminateMs: 0 },
      ...user,
    });
  }
}
