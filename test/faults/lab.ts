/** Shared by the cases of one run: a gateway, a copy of the action, and archives made by it. */

import * as fs from 'node:fs/promises';
import path from 'node:path';
import { RoleJobs } from '../roles/role-jobs.ts';
import { type Checkout, copyCheckout } from '../support/checkout.ts';
import type { Gateway } from '../support/gateway/gateway.ts';
import { type Azurite, startAzurite } from '../support/github/azurite.ts';
import { type GitHubCache, startGitHubCache } from '../support/github/github-cache.ts';
import { checkTar } from '../support/tar/check-tar.ts';
import { deleteTree, type TreeDescription } from '../support/tree.ts';
import { Scene } from './scene.ts';
import { archivedTree, buildTreeIn } from './trees.ts';

/** An object of a save, and the workspace that was saved. */
export interface Archive {
  readonly name: string;
  readonly bytes: Buffer;
  readonly workspace: TreeDescription;
  /** The duration of its save without a fault, in ms. */
  readonly saveMs: number;
  /** The duration of a restore of it without a fault, in ms. */
  readonly restoreMs: number;
}

export class FaultLab {
  readonly gateway: Omit<Gateway, 'stop'>;
  readonly #checkout: Checkout;
  readonly #archives = new Map<string, Promise<Archive>>();
  #azurite: Promise<Azurite> | undefined;
  #roleJobs: Promise<RoleJobs> | undefined;

  private constructor(gateway: Omit<Gateway, 'stop'>, checkout: Checkout) {
    this.gateway = gateway;
    this.#checkout = checkout;
  }

  /** The copy of the action. */
  get actionDir(): string {
    return this.#checkout.directory;
  }

  /** Makes the copy of the action. Other tests may use `gateway` too: no case may break it. */
  static async open(gateway: Omit<Gateway, 'stop'>): Promise<FaultLab> {
    return new FaultLab(gateway, await copyCheckout('cache-s3-faults-'));
  }

  async close(): Promise<void> {
    await (await this.#azurite)?.stop();
    await (await this.#roleJobs)?.close();
    await this.#checkout.remove();
  }

  async newDirectory(): Promise<string> {
    const directory = await fs.mkdtemp(path.join(this.#checkout.root, 'scene-'));
    await fs.chmod(directory, 0o755);
    return directory;
  }

  /** Returns the archive of `archivedTree(version)`, which is made once. All versions have the same object name. */
  archive(version = 'new'): Promise<Archive> {
    let made = this.#archives.get(version);
    made ??= this.#make(version);
    this.#archives.set(version, made);
    return made;
  }

  async #make(version: string): Promise<Archive> {
    const scene = await Scene.open(this, this.gateway);
    try {
      await buildTreeIn(scene.workspace, archivedTree(version));
      const { '.': _root, ...workspace } = await scene.describe();
      const saved = await scene.runPhase('save');
      const [name] = await scene.bucket.objects();
      if (name === undefined) throw new Error(`the archive of the cases was not saved:\n${saved.stdout}`);
      await deleteTree(scene.tree);
      const restored = await scene.runPhase('restore');
      const bytes = await scene.bucket.read(name);
      await checkTar(bytes);
      return { name, bytes, workspace, saveMs: saved.ms, restoreMs: restored.ms };
    } finally {
      await scene.close();
    }
  }

  /** Returns the jobs that take roles of a gateway of their own, which is started once. */
  roleJobs(): Promise<RoleJobs> {
    this.#roleJobs ??= RoleJobs.open(this.actionDir);
    return this.#roleJobs;
  }

  async startGitHub(): Promise<GitHubCache> {
    this.#azurite ??= startAzurite();
    return startGitHubCache(await this.#azurite);
  }
}
