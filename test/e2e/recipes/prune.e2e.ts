import { afterEach, expect, it } from 'vitest';
import { markerName } from '../../../src/cache/keys/cache-names.ts';
import { placesOf } from '../../../src/cache/keys/scope.ts';
import { repositoryFile } from '../../support/checkout.ts';
import { gateway, gatewayAvailable } from '../../support/gateway/shared-gateway.ts';
import type { WorkflowResult } from '../../support/runner/model.ts';
import { mainOf } from '../../support/runner/results.ts';
import { describeWithGateway, useLab } from '../support/lab.ts';

const lab = useLab();

/** Stores an object with the name of a cache, and its marker. Returns both names. */
async function putCache(repository: string, ref: string, key: string): Promise<readonly string[]> {
  const run = { repository, readRefs: [ref], writeRef: ref };
  const version = 'ab'.repeat(32);
  const names = placesOf({ scope: 'ref', prefix: lab.prefix, version, ...run });
  const name = names.write.objectName(key);
  const marker = markerName(lab.prefix, name)!;
  await lab.bucket.put(name, Buffer.from('no archive'));
  await lab.bucket.put(marker, new Uint8Array(0));
  return [name, marker];
}

// The lab reads what a test leaves as archives
afterEach(async () => {
  if (gatewayAvailable()) await lab.bucket.delete(await lab.objects());
});

/** Runs docs/recipes/<name>.yml unchanged. */
function runPrune(
  name: string,
  event: { readonly name: string; readonly payload?: Readonly<Record<string, unknown>> },
): Promise<WorkflowResult> {
  const { bucket, accessKey, secretKey } = lab.bucket.access;
  return lab.run({
    file: repositoryFile(`docs/recipes/${name}.yml`),
    vars: { CACHE_ENDPOINT: gateway().endpoint, CACHE_BUCKET: bucket },
    secrets: { CACHE_PRUNE_ACCESS_KEY: accessKey, CACHE_PRUNE_SECRET_KEY: secretKey },
    // The scope of a fleet's caches is no input of prune/
    env: { CACHE_S3_PREFIX: lab.prefix, CACHE_S3_SCOPE: 'repository', CACHE_S3_KEY: 'x' },
    event,
    github: { repository: 'octo/app', ref: 'refs/heads/main' },
  });
}

describeWithGateway('recipes of prune/', () => {
  it('the caches of a deleted branch are deleted, and no others', async () => {
    const gone = await putCache('octo/app', 'refs/heads/topic/x', 'k');
    const kept = [
      ...(await putCache('octo/app', 'refs/heads/topic', 'k')),
      ...(await putCache('octo/app', 'refs/tags/topic/x', 'k')),
      ...(await putCache('octo/other', 'refs/heads/topic/x', 'k')),
    ];
    const result = await runPrune('prune-branch', {
      name: 'delete',
      payload: { ref: 'topic/x', ref_type: 'branch' },
    });
    expect(result.conclusion).toBe('success');
    const { outputs, summary, log } = mainOf(result, 'prune');
    expect(outputs).toMatchObject({ 'deleted-caches': '1' });
    expect(log).toContain('Deleted octo/app refs/heads/topic/x k: selected');
    expect(summary).toContain('octo/app refs/heads/topic/x k');
    expect(await lab.objects()).toEqual(kept.toSorted());
    expect(kept).not.toContain(gone[0]);
  });

  it('the caches of a closed pull request from a fork are deleted, and no others', async () => {
    await putCache('octo/app', 'refs/pull/7/merge', 'k');
    const kept = [
      ...(await putCache('octo/app', 'refs/pull/77/merge', 'k')),
      ...(await putCache('octo/app', 'refs/heads/main', 'k')),
    ];
    const result = await runPrune('prune-pull-request', {
      name: 'pull_request_target',
      payload: { number: 7, pull_request: { number: 7, head: { repo: { full_name: 'fork/app' } } } },
    });
    expect(result.conclusion).toBe('success');
    expect(await lab.objects()).toEqual(kept.toSorted());
  });

  it('the nightly prune keeps what is young, in all repositories, and deletes markers without a cache', async () => {
    const kept = [
      ...(await putCache('octo/app', 'refs/heads/main', 'k')),
      ...(await putCache('octo/other', 'refs/heads/main', 'k')),
    ];
    const [cache] = await putCache('octo/other', 'refs/heads/main', 'stray');
    await lab.bucket.delete([cache!]);
    const result = await runPrune('prune-nightly', { name: 'schedule' });
    expect(result.conclusion).toBe('success');
    expect(mainOf(result, 'prune').log).toContain('Deleted 0 caches of 2, ');
    expect(await lab.objects()).toEqual(kept.toSorted());
  });

  it('a prune with a bad input fails its step before any request', async () => {
    await putCache('octo/app', 'refs/pull/7/merge', 'k');
    const before = await lab.objects();
    const result = await lab.steps(
      `- uses: your-org/cache-s3/prune@v0\n  id: prune\n  with:\n    scope: refs/pull/*\n    unused: 7 days`,
      { github: { repository: 'octo/app', ref: 'refs/heads/main' } },
    );
    expect(result.conclusion).toBe('failure');
    expect(mainOf(result, 'prune').annotations.map(({ message }) => message)).toContain(
      "Input 'unused' is '7 days', but it must be an age such as 12h, 7d or 4w.",
    );
    expect(await lab.objects()).toEqual(before);
  });
});
