/** The surroundings of one case: a bucket behind a fault proxy, a workspace, and the phases of a job in it. */

import * as fs from 'node:fs/promises';
import path from 'node:path';
import { openStore } from '../storage/s3/support.ts';
import { ANY_NAME } from '../support/any-name.ts';
import { Bucket } from '../support/gateway/bucket.ts';
import type { Gateway } from '../support/gateway/gateway.ts';
import type { GitHubCache } from '../support/github/github-cache.ts';
import { type FaultProxy, startFaultProxy } from '../support/servers/fault-proxy.ts';
import { deleteTree, describeTree, type TreeDescription } from '../support/tree.ts';
import type { FaultLab } from './lab.ts';
import { type PhaseName, type PhaseResult, PhaseRunner, type PhaseRunOptions } from './phase-runner.ts';
import { TREE } from './trees.ts';

/** After this time a phase counts as hung: it is killed, and the case is red. */
const HANG_MS = 170_000;

/** The key that all steps use. */
export const KEY = 'fault';

export class Scene {
  readonly lab: FaultLab;
  readonly gateway: Omit<Gateway, 'stop'>;
  readonly bucket: Bucket;
  readonly proxy: FaultProxy;
  readonly root: string;
  /** A case may move it to another file system. */
  workspace: string;
  readonly #runner = new PhaseRunner();
  readonly #closers: (() => unknown)[] = [];
  readonly #faults: (() => boolean)[] = [];

  private constructor(
    lab: FaultLab,
    gateway: Omit<Gateway, 'stop'>,
    parts: { bucket: Bucket; proxy: FaultProxy; root: string },
  ) {
    this.lab = lab;
    this.gateway = gateway;
    this.bucket = parts.bucket;
    this.proxy = parts.proxy;
    this.root = parts.root;
    this.workspace = path.join(parts.root, 'workspace');
  }

  static async open(lab: FaultLab, gateway: Omit<Gateway, 'stop'>): Promise<Scene> {
    const root = await lab.newDirectory();
    await fs.mkdir(path.join(root, 'workspace'));
    const bucket = await Bucket.create(gateway, 'fault');
    const proxy = await startFaultProxy(gateway.endpoint);
    return new Scene(lab, gateway, { bucket, proxy, root });
  }

  /** Registers a function for the end of the case. The last one is called first. */
  onClose(closer: () => unknown): void {
    this.#closers.push(closer);
  }

  /** Makes the case red unless `happened` returns true at its end: without its fault a case shows nothing. */
  expectFault(happened: () => boolean): void {
    this.#faults.push(happened);
  }

  get missedFault(): string | undefined {
    return this.#faults.every(happened => happened()) ? undefined : 'the fault did not happen';
  }

  async close(): Promise<void> {
    for (const closer of this.#closers.toReversed()) await closer();
    await this.proxy.close();
    this.bucket.close();
    await deleteTree(this.root);
  }

  get tree(): string {
    return path.join(this.workspace, TREE);
  }

  /** The step's inputs for the bucket behind the proxy. */
  get inputs(): Record<string, string> {
    return { ...this.directInputs, endpoint: this.proxy.endpoint };
  }

  /** The same without the proxy. */
  get directInputs(): Record<string, string> {
    return { path: TREE, key: KEY, ...this.bucket.inputs, 'use-fallback': 'false' };
  }

  runPhase(name: PhaseName, options: PhaseRunOptions = {}): Promise<PhaseResult> {
    return this.#runner.run(name, HANG_MS, {
      workspace: this.workspace,
      ...options,
      actionDir: this.lab.actionDir,
      inputs: { ...this.inputs, ...options.inputs },
      env: { RUNNER_TEMP: path.join(this.root, 'temp'), ...options.env },
    });
  }

  /** Sends a signal to the running phase. Does nothing after its end. */
  signal(name: NodeJS.Signals): void {
    this.#runner.signal(name);
  }

  /** Sends a signal after this time if the phase still runs. */
  signalLater(name: NodeJS.Signals, afterMs: number): void {
    this.#runner.signalLater(name, afterMs);
  }

  /** Aborts unfinished uploads as a save does after its work, but without the limit on their age. */
  async sweep(): Promise<void> {
    const { endpoint, region, accessKey, secretKey } = this.gateway;
    const store = openStore({
      endpoint: new URL(endpoint),
      region,
      bucket: this.bucket.name,
      credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
    });
    await store.abortStale('', 0, ANY_NAME).finally(() => store.close());
  }

  /** Describes the workspace and its entries. */
  describe(): Promise<TreeDescription> {
    return describeTree(this.workspace, { root: true });
  }

  /** Starts a GitHub cache for this case. */
  async startGitHub(): Promise<GitHubCache> {
    const cache = await this.lab.startGitHub();
    this.onClose(() => cache.service.stop());
    return cache;
  }
}
