import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe } from 'vitest';
import { type Checkout, copyCheckout } from '../../support/checkout.ts';
import { giveAway, unprivileged } from '../../support/drop-privileges.ts';
import { Bucket } from '../../support/gateway/bucket.ts';
import {
  gateway,
  gatewayAvailable,
  newBucket,
  sharedGatewayNeed,
} from '../../support/gateway/shared-gateway.ts';
import { requires } from '../../support/platform-needs.ts';
import type { RunWorkflowOptions, WorkflowResult } from '../../support/runner/model.ts';
import { type ActionRun, type ActionRunResult, runAction } from '../../support/runner/run-action.ts';
import { runWorkflow } from '../../support/runner/run-workflow.ts';
import { workflowOf } from '../../support/runner/workflow-text.ts';
import { checkTar } from '../../support/tar/check-tar.ts';
import { deleteTree } from '../../support/tree.ts';

/** `describe`, skipped with the reason where there is no gateway. */
export function describeWithGateway(name: string, tests: () => void): void {
  describe(name, requires(sharedGatewayNeed), tests);
}

/** The directories of one runner. */
export interface Machine {
  readonly workspace: string;
  readonly home: string;
}

export type LabOptions = Omit<RunWorkflowOptions, 'workspace' | 'home'> &
  Partial<Pick<RunWorkflowOptions, 'workspace' | 'home'>> & { readonly machine?: Machine };

/**
 * The surroundings of the tests of one file: a copy of the action below a path with a space, a bucket of the file's own,
 * and for each test a prefix in it and a new machine. After each test another reader of tar checks every archive that the
 * test left in the bucket.
 */
export interface Lab {
  /** The copy of the action. */
  readonly actionDir: string;
  /** A directory for further files of the tests. */
  readonly root: string;
  readonly bucket: Bucket;
  /** The input `prefix` of this test. */
  readonly prefix: string;
  /** New for each test; its directories belong to the ordinary user of `asUser`. */
  readonly machine: Machine;
  /** Makes another machine of this test. The paths of a `plain` one have no space. */
  newMachine(kind?: 'space' | 'plain'): Promise<Machine>;
  /** The variables that a fleet sets on its runners: with them a step uses the bucket without naming it. */
  readonly fleet: Readonly<Record<string, string>>;
  /** Runs a workflow on the test's machine. `uses` may name any of the actions that we replace. */
  run(options: LabOptions): Promise<WorkflowResult>;
  /** Runs one job of these steps (YAML) on a runner of the fleet. */
  steps(steps: string, options?: LabOptions): Promise<WorkflowResult>;
  /** Runs one phase of the action on the test's machine, with the inputs of the bucket, `path: deps` and `key: k`. */
  runAction(run: Partial<ActionRun> & Pick<ActionRun, 'entry'>): Promise<ActionRunResult>;
  /** Returns the names of the objects below this test's prefix. */
  objects(): Promise<readonly string[]>;
}

/** Makes steps run as an ordinary user, for tests of permissions that run as root. */
export const asUser: { readonly uid?: number; readonly gid?: number } = unprivileged();

/** Call it once at the top of a test file. */
export function useLab(): Lab {
  let checkout: Checkout | undefined;
  let plainRoot: string | undefined;
  let bucket: Bucket;
  let prefix = '';
  let machine: Machine;
  let count = 0;

  beforeAll(async () => {
    if (!gatewayAvailable()) return;
    checkout = await copyCheckout('cache-s3 e2e-');
    plainRoot = await mkdtemp(path.join(tmpdir(), 'cache-s3-e2e-'));
    await chmod(plainRoot, 0o755);
    bucket = new Bucket(gateway(), await newBucket('e2e'));
  });
  afterAll(async () => {
    bucket?.close();
    await checkout?.remove();
    if (plainRoot !== undefined) await deleteTree(plainRoot);
  });
  beforeEach(async () => {
    if (!gatewayAvailable()) return;
    prefix = `t-${randomBytes(6).toString('hex')}`;
    machine = await newMachine();
  });

  afterEach(async () => {
    if (!gatewayAvailable()) return;
    const names = await bucket.objects();
    // A test may have another prefix before its own
    for (const name of names)
      if (name.includes(prefix) && name.endsWith('.tar.zst'))
        await checkTar(await bucket.read(name), { touched: true });
  });

  async function newMachine(kind: 'space' | 'plain' = 'space'): Promise<Machine> {
    count += 1;
    const directory =
      kind === 'space' ? path.join(checkout!.root, `machine ${count}`) : path.join(plainRoot!, `${count}`);
    const made = { workspace: path.join(directory, 'work/demo'), home: path.join(directory, 'home') };
    for (const one of Object.values(made)) await mkdir(one, { recursive: true });
    await giveAway(directory);
    return made;
  }

  const lab: Lab = {
    get actionDir() {
      return checkout!.directory;
    },
    get root() {
      return checkout!.root;
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
      const { endpoint, bucket: name, accessKey, secretKey } = bucket.inputs;
      return {
        CACHE_S3_ENDPOINT: endpoint,
        CACHE_S3_BUCKET: name,
        CACHE_S3_ACCESS_KEY: accessKey,
        CACHE_S3_SECRET_KEY: secretKey,
        CACHE_S3_PREFIX: prefix,
      };
    },
    run({ machine: other = machine, actions, ...options }) {
      return runWorkflow({ ...other, ...options, actions: { ...replaced(lab.actionDir), ...actions } });
    },
    steps(steps, { env, ...options } = {}) {
      return lab.run({ text: workflowOf(steps), env: { ...lab.fleet, ...env }, ...options });
    },
    runAction({ inputs, env, ...options }) {
      return runAction({
        actionDir: lab.actionDir,
        workspace: machine.workspace,
        ...options,
        env: { HOME: machine.home, RUNNER_TEMP: path.join(lab.root, '_temp'), ...env },
        inputs: { path: 'deps', key: 'k', ...bucket.inputs, prefix, ...inputs },
      });
    },
    objects: () => bucket.objects(`${prefix}/`),
  };
  return lab;
}

/** Maps every name by which a workflow may use this action to its copy. */
function replaced(actionDir: string): Record<string, string> {
  const names = ['your-org/cache-s3', 'actions/cache', 'tespkg/actions-cache'];
  return Object.fromEntries(names.map(name => [name, actionDir]));
}
