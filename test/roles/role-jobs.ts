import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { policyScript } from '../../src/command/policy/script.ts';
import { Bucket } from '../support/gateway/bucket.ts';
import { type RoleGateway, startRoleGateway } from '../support/gateway/role-gateway.ts';
import { type ActionRun, type ActionRunResult, runAction } from '../support/runner/run-action.ts';
import { startTokenService, type TokenService } from '../support/servers/token-service.ts';
import { deleteTree } from '../support/tree.ts';
import { arnOf, claimsOf, policyOptions, REPOSITORY, RUNS, type Run, saveRole } from './runs.ts';

/** The key of the cache that every run looks for, and that a push to main has saved. */
export const MAIN_KEY = 'main';

interface StepOptions extends Partial<ActionRun> {
  /** The file of the cache; by default the key. */
  readonly content?: Uint8Array;
}

/** Jobs whose steps take roles of a real gateway, with tokens of a small issuer. */
export class RoleJobs {
  readonly roles: RoleGateway;
  readonly bucket: Bucket;
  /** Every token that a job was given. */
  readonly tokens: string[] = [];
  readonly #actionDir: string;
  readonly #root: string;
  #service!: TokenService;
  #run: Run = RUNS[0]!;

  private constructor(actionDir: string, parts: { roles: RoleGateway; bucket: Bucket; root: string }) {
    this.#actionDir = actionDir;
    this.roles = parts.roles;
    this.bucket = parts.bucket;
    this.#root = parts.root;
  }

  /** Starts the gateway, makes the roles by the script of `cache-s3 policy`, and saves a cache on main. */
  static async open(actionDir: string): Promise<RoleJobs> {
    const roles = await startRoleGateway();
    const bucket = await Bucket.create(roles.gateway, 'roles');
    await roles.runScript(policyScript(policyOptions(roles, bucket.name)));
    const root = await mkdtemp(path.join(tmpdir(), 'cache-s3-roles-'));
    const jobs = new RoleJobs(actionDir, { roles, bucket, root });
    jobs.#service = await startTokenService(audience => {
      const token = roles.issuer.tokenWith({ ...claimsOf(jobs.#run), aud: audience });
      jobs.tokens.push(token);
      return token;
    });
    const { stdout } = await jobs.save(RUNS[0]!, MAIN_KEY);
    if (!stdout.includes(`Cache saved with key: ${MAIN_KEY}`)) throw new Error(stdout);
    return jobs;
  }

  async close(): Promise<void> {
    await this.#service.close();
    this.bucket.close();
    await this.roles.stop();
    await deleteTree(this.#root);
  }

  /** Looks for the cache of main in a new workspace, as the step of a job of this run. */
  restore(run: Run, options: StepOptions = {}): Promise<ActionRunResult> {
    return this.#step(run, 'restore/action.yml', MAIN_KEY, options);
  }

  /** Saves a cache, as the step of a job of this run. */
  save(run: Run, key: string, options: StepOptions = {}): Promise<ActionRunResult> {
    return this.#step(run, 'save/action.yml', key, options);
  }

  async #step(
    run: Run,
    action: NonNullable<ActionRun['action']>,
    key: string,
    { env, inputs, content, ...options }: StepOptions,
  ): Promise<ActionRunResult> {
    this.#run = run;
    const directory = path.join(this.#root, randomBytes(4).toString('hex'));
    const workspace = path.join(directory, 'workspace');
    const event = path.join(directory, 'event.json');
    await mkdir(path.join(workspace, 'deps'), { recursive: true });
    await writeFile(path.join(workspace, 'deps/file'), content ?? key);
    await writeFile(event, JSON.stringify({ repository: { default_branch: 'main' }, ...run.payload }));
    const { endpoint, region } = this.roles.gateway;
    const result = await runAction({
      actionDir: this.#actionDir,
      action,
      entry: 'main',
      workspace,
      ...options,
      env: {
        HOME: directory,
        GITHUB_EVENT_NAME: run.event,
        GITHUB_EVENT_PATH: event,
        GITHUB_REF: run.ref,
        GITHUB_REPOSITORY: run.repository ?? REPOSITORY,
        ...(run.fork ? {} : this.#service.environment),
        ...env,
      },
      inputs: {
        path: 'deps',
        key,
        endpoint,
        region,
        bucket: this.bucket.name,
        'role-to-assume': arnOf('read'),
        ...(action === 'save/action.yml' && { 'role-to-assume-for-save': arnOf(saveRole(run)) }),
        'use-fallback': 'false',
        ...inputs,
      },
    });
    await rm(directory, { recursive: true });
    return result;
  }
}
