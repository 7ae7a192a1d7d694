import { mkdtempSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DeleteBucketPolicyCommand, PutBucketPolicyCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { cachesRoot } from '../../src/cache/keys/cache-names.ts';
import { encodeComponent } from '../../src/cache/keys/object-names.ts';
import { RoleJobs } from '../roles/role-jobs.ts';
import { arnOf, REPOSITORY, RUNS } from '../roles/runs.ts';
import { type Checkout, copyCheckout } from '../support/checkout.ts';
import { readClosingLine } from '../support/closing-line.ts';
import { s3Client } from '../support/gateway/bucket.ts';
import { incompressible } from '../support/random.ts';
import { describeWithGateway } from './support/lab.ts';

let checkout: Checkout;
let jobs: RoleJobs;

/** The runs of which `npm run faults` has the rest. */
const SHORT = ['push to main', 'pull request', 'fork', 'issue_comment', 'another repository'];

describeWithGateway('steps that take a role', () => {
  beforeAll(async () => {
    checkout = await copyCheckout('cache-s3 roles-');
    jobs = await RoleJobs.open(checkout.directory);
  });
  afterAll(async () => {
    await jobs?.close();
    await checkout?.remove();
  });

  it.each(RUNS.filter(({ name }) => SHORT.includes(name)))(
    'of a job of the kind $name get what the store gives to it, and never fail the job',
    async run => {
      const key = `key of ${run.name}`;
      const restored = await jobs.restore(run);
      expect(restored.exitCode).toBe(0);
      expect(restored.outputs['cache-hit'] === 'true' ? 'hit' : 'none', restored.stdout).toBe(run.restore);
      const saved = await jobs.save(run, key, { inputs: { 'fail-on-save-error': 'true' } });
      expect(saved.exitCode).toBe(0);
      expect(saved.stdout).toContain(` result=${run.save} `);
      const names = (await jobs.bucket.objects()).filter(name => name.includes(encodeComponent(key)));
      const own = cachesRoot('cache-s3', run.repository ?? REPOSITORY, run.ref);
      expect(names.map(name => name.startsWith(own))).toEqual(run.save === 'saved' ? [true] : []);
    },
  );

  it('of a fork read a bucket that all may read, and save nothing to it', async () => {
    const { name: Bucket } = jobs.bucket;
    const owner = s3Client(jobs.roles.gateway, jobs.bucket.access);
    onTestFinished(async () => {
      await owner.send(new DeleteBucketPolicyCommand({ Bucket }));
      owner.destroy();
    });
    const Policy = JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Principal: '*',
          Action: ['s3:GetObject', 's3:ListBucket'],
          Resource: [`arn:aws:s3:::${Bucket}`, `arn:aws:s3:::${Bucket}/*`],
        },
      ],
    });
    await owner.send(new PutBucketPolicyCommand({ Bucket, Policy }));
    const fork = RUNS.find(run => run.fork)!;
    const { stdout, outputs } = await jobs.restore(fork);
    expect(stdout).toContain(
      'There are no credentials, but the bucket can be read without them. Nothing is saved to it.',
    );
    expect(outputs['cache-hit']).toBe('true');
    const before = await jobs.bucket.objects();
    const saved = await jobs.save(fork, 'of the fork', { inputs: { 'fail-on-save-error': 'true' } });
    expect(saved.stdout).toContain(
      'Cache not saved: no credentials: a pull request from a fork gets no OIDC',
    );
    expect(saved.exitCode).toBe(0);
    expect(await jobs.bucket.objects()).toEqual(before);
  });

  it('share the disk cache of a host, but get no cache from it that their role may not read', async () => {
    const directory = mkdtempSync(path.join(checkout.root, 'frames-'));
    const key = 'large';
    const restore = async (name: string) => {
      const run = RUNS.find(one => one.name === name)!;
      const { exitCode, stdout, outputs } = await jobs.restore(run, {
        inputs: { key, 'disk-cache': directory },
      });
      const { bucket, disk } = readClosingLine(stdout)!;
      return { exitCode, hit: outputs['cache-hit'], bucket: Number(bucket), disk: Number(disk) };
    };
    await jobs.save(RUNS[0]!, key, { content: incompressible(4e6, key) });
    expect(await restore('push to main')).toMatchObject({ exitCode: 0, hit: 'true', disk: 0 });
    const shared = await restore('pull request');
    expect(shared).toMatchObject({ exitCode: 0, hit: 'true' });
    expect(shared.disk).toBeGreaterThan(3e6);
    expect(shared.bucket).toBeLessThan(1e6);
    expect(await restore('another repository')).toMatchObject({ exitCode: 0, hit: 'false' });
  });

  it('save the whole cache after a hit of a restore-key: the gateway copies no part for a role', async () => {
    const run = RUNS[0]!;
    await jobs.save(run, 'partial-1', { content: incompressible(8e6, 'partial') });
    const [workspace, temp] = ['workspace-', 'temp-'].map(name =>
      mkdtempSync(path.join(checkout.root, name)),
    );
    const phase = {
      action: 'action.yml',
      workspace: workspace!,
      env: { RUNNER_TEMP: temp! },
      inputs: {
        key: 'partial-2',
        'restore-keys': 'partial-',
        'role-to-assume-for-save': arnOf('main'),
        'fail-on-save-error': 'true',
      },
    } as const;
    const restored = await jobs.restore(run, phase);
    expect(restored.stdout).toMatch(/^Cache restored from key: partial-1$/m);
    writeFileSync(path.join(workspace!, 'deps/added'), 'added');
    const { state } = restored;
    const saved = await jobs.save(run, 'partial-2', { ...phase, entry: 'post', state });
    expect(saved.exitCode, saved.stdout).toBe(0);
    expect(saved.stdout).toMatch(
      /^The cache is saved in full: the server refuses to copy the restored cache\.\nCache saved with key: partial-2$/m,
    );
    expect(saved.stdout).toMatch(/^Saved 3 entries, .* 8\.0 MB stored, in /m);
    expect(saved.stdout).not.toContain('::warning');
    const again = await jobs.restore(run, { inputs: { key: 'partial-2' } });
    expect(again.outputs['cache-hit'], again.stdout).toBe('true');
  });

  it('explain a refused role by the claims of the run', async () => {
    const run = RUNS.find(({ name }) => name === 'push to a branch')!;
    const { stdout } = await jobs.save(run, 'k', {
      inputs: { 'role-to-assume-for-save': 'arn:aws:iam:::role/cache-main' },
    });
    expect(stdout).toMatch(
      /^Cache not saved: STS at http:\S+: this run may not assume the role arn:aws:iam:::role\/cache-main \(403 AccessDenied\): .* aud=sts.amazonaws.com, .*, ref=refs\/heads\/feature, event_name=push\.$/m,
    );
    const refused = await jobs.save(run, 'k', { inputs: { 'role-to-assume-for-save': '' } });
    expect(refused.stdout).toMatch(
      /^Cache not saved: .*the role arn:aws:iam:::role\/cache-read does not allow this call/m,
    );
    expect(refused.stdout).toContain(' result=skipped ');
  });

  it.each(['push to main', 'push to a branch'])(
    'print no token and no key, also in debug mode (%s)',
    async name => {
      const run = RUNS.find(one => one.name === name)!;
      const before = jobs.tokens.length;
      const debug = { env: { RUNNER_DEBUG: '1', ACTIONS_STEP_DEBUG: 'true' } };
      const main = { ...debug, action: 'action.yml' } as const;
      const inputs = {
        'role-to-assume-for-save': 'arn:aws:iam:::role/cache-main',
        key: `secrets of ${name}`,
      };
      const restored = await jobs.restore(run, { ...main, inputs });
      const saved = await jobs.save(run, inputs.key, {
        ...main,
        entry: 'post',
        inputs,
        state: restored.state,
      });
      const tokens = jobs.tokens.slice(before);
      // One for each phase: post takes another role with another token
      expect(tokens).toHaveLength(2);
      const masks = [...restored.masks, ...saved.masks];
      expect(masks).toEqual(expect.arrayContaining(tokens));
      expect(masks.length).toBeGreaterThanOrEqual(name === 'push to main' ? 6 : 4);
      const printed = [restored, saved].map(({ stdout, outputs, state, env, summary }) =>
        JSON.stringify({ stdout, outputs, state, env, summary }),
      );
      expect(printed[0]).toContain('s3 GetObject');
      for (const secret of [...masks, 'eyJ', 'token-service-bearer'])
        expect(printed.join()).not.toContain(secret);
    },
  );
});
