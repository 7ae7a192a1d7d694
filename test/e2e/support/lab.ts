import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe } from 'vitest';
import { checkTar } from '../../archive/support/tar-check.ts';
import { copyCheckout } from '../../support/checkout.ts';
import { giveAway, unprivileged } from '../../support/drop-privileges.ts';
import { Bucket } from '../../support/gateway/bucket.ts';
import type { BucketAccess } from '../../support/gateway/gateway.ts';
import { gateway, gatewayAvailable, newBucket } from '../../support/gateway/shared-gateway.ts';
import type { RunWorkflowOptions, WorkflowResult } from '../../support/runner/model.ts';
import { runWorkflow } from '../../support/runner/run-workflow.ts';
import { workflowOf } from '../../support/runner/workflow-text.ts';
import { removeTree } from '../../support/tree.ts';

/** `describe`, skipped where there is no gateway. */
export const describeWithGateway = describe.skipIf(!gatewayAvailable());

/** The directories of one runner. */
export interface Machine {
  readonly workspace: string;
  readonly home: string;
}

export type LabOptions = Omit<RunWorkflowOptions, 'workspace' | 'home'> &
  Partial<Pick<RunWorkflowOptions, 'workspace' | 'home'>> & { readonly machine?: Machine };

/**
 * Where the tests of one file run workflows: a copy of the action under a path with a space and with no node_modules
 * above it, a bucket of the file's own, and for each test a prefix in it and a fresh machine. Every archive that a test
 * leaves in the bucket is a sound tar by another reader's word.
 */
export interface Lab {
  /** The copy of the action. */
  readonly checkout: string;
  readonly root: string;
  readonly access: BucketAccess;
  readonly bucket: Bucket;
  /** The input `prefix` of this test. */
  readonly prefix: string;
  /** Fresh for each test; its directories belong to the ordinary user that `asUser` names. */
  readonly machine: Machine;
  /** Another machine of this test; without `space` there is none in its paths. */
  newMachine(kind?: 'space' | 'plain'): Promise<Machine>;
  /** What a fleet sets on its runners: with it a step that says nothing about a bucket uses this one. */
  readonly fleet: Readonly<Record<string, string>>;
  /** Runs a workflow on the test's machine. `uses:` may name us as any of the actions that we replace. */
  run(options: LabOptions): Promise<WorkflowResult>;
  /** Runs one job of these steps (YAML), on runners that the fleet has set up. */
  steps(steps: string, options?: LabOptions): Promise<WorkflowResult>;
  /** Names below this test's prefix. */
  objects(): Promise<readonly string[]>;
}

/** Steps run as an ordinary user: what tests of permissions need where the tests run as root. */
export const asUser: { readonly uid?: number; readonly gid?: number } = unprivileged();

/** To be called once at the top of a test file. */
export function useLab(): Lab {
  let root = '';
  let plainRoot = '';
  let checkout = '';
  let access: BucketAccess;
  let bucket: Bucket;
  let prefix = '';
  let machine: Machine;
  let count = 0;

  beforeAll(async () => {
    if (!gatewayAvailable()) return;
    root = await mkdtemp(path.join(tmpdir(), 'cache-s3 e2e-'));
    plainRoot = await mkdtemp(path.join(tmpdir(), 'cache-s3-e2e-'));
    // Ordinary users run the action from here too.
    for (const directory of [root, plainRoot]) await chmod(directory, 0o755);
    checkout = await copyCheckout(root);
    access = await newBucket('e2e');
    bucket = new Bucket(gateway(), access);
  });
  afterAll(async () => {
    bucket?.close();
    for (const directory of [root, plainRoot]) if (directory !== '') await removeTree(directory);
  });
  beforeEach(async () => {
    if (!gatewayAvailable()) return;
    prefix = `t-${randomBytes(6).toString('hex')}`;
    machine = await newMachine();
  });

  afterEach(async () => {
    if (!gatewayAvailable()) return;
    const names = await bucket.objects();
    // A test may have put its prefix behind another
    for (const name of names) if (name.includes(prefix)) await checkTar(await bucket.read(name));
  });

  async function newMachine(kind: 'space' | 'plain' = 'space'): Promise<Machine> {
    count += 1;
    const directory =
      kind === 'space' ? path.join(root, `machine ${count}`) : path.join(plainRoot, `${count}`);
    const made = { workspace: path.join(directory, 'work/demo'), home: path.join(directory, 'home') };
    for (const one of Object.values(made)) await mkdir(one, { recursive: true });
    await giveAway(directory);
    return made;
  }

  const lab: Lab = {
    get checkout() {
      return checkout;
    },
    get root() {
      return root;
    },
    get access() {
      return access;
    },
    get bucket() {
      return bucket;
    },
    get prefix() {
      return prefix;
    },
    get machine() {
      return machine;
    },
    newMachine,
    get fleet() {
      return {
        CACHE_S3_ENDPOINT: gateway().endpoint,
        CACHE_S3_BUCKET: access.bucket,
        CACHE_S3_ACCESS_KEY: access.accessKey,
        CACHE_S3_SECRET_KEY: access.secretKey,
        CACHE_S3_PREFIX: prefix,
      };
    },
    run({ machine: other = machine, actions, ...options }) {
      return runWorkflow({ ...other, ...options, actions: { ...replaced(checkout), ...actions } });
    },
    steps(steps, { env, ...options } = {}) {
      return lab.run({ text: workflowOf(steps), env: { ...lab.fleet, ...env }, ...options });
    },
    objects: () => bucket.objects(`${prefix}/`),
  };
  return lab;
}

/** Every name under which a workflow may use this action when nothing but `uses:` is changed, or not even that. */
function replaced(checkout: string): Record<string, string> {
  const names = ['your-org/cache-s3', 'actions/cache', 'tespkg/actions-cache'];
  return Object.fromEntries(names.map(name => [name, checkout]));
}
