import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import type { Environment } from '../../../src/action/inputs/read-input.ts';
import { prune } from '../../../src/action/step/prune-step.ts';
import { createDirectoryStore } from '../../../src/storage/directory/directory-store.ts';
import { putFakeCaches } from '../../command/support.ts';
import { declared } from '../../docs/documents.ts';
import { collect } from '../../support/collect.ts';
import { inputVariables } from '../../support/runner/process/step-variables.ts';
import { scratch } from '../../support/scratch.ts';
import { silentLog } from '../../support/silent-log.ts';
import { recordingRunner } from '../support.ts';

const fleet = [
  { key: 'a', bytes: 30 },
  { key: 'b', bytes: 20, used: true },
  { key: 'a', bytes: 10, repository: 'org/other' },
];

/** Runs the step on a directory with these caches. */
async function runPrune(
  inputs: Readonly<Record<string, string>>,
  env: Environment = {},
  caches: Parameters<typeof putFakeCaches>[1] = fleet,
) {
  const root = scratch();
  const store = createDirectoryStore(root, { log: silentLog });
  await putFakeCaches(store, caches);
  const runner = recordingRunner({
    GITHUB_REPOSITORY: 'org/repo',
    ...inputVariables({ endpoint: pathToFileURL(root).href, ...inputs }),
    ...env,
  });
  await prune(runner, new AbortController().signal);
  const left = (await collect(store.list('cache-s3/v1/'))).length;
  return { runner, left };
}

test('prune/action.yml declares the inputs that the step reads', async () => {
  const seen = new Set<string>();
  const env: Environment = new Proxy(
    {},
    {
      get(_, name: string) {
        if (name.startsWith('INPUT_')) seen.add(name);
        if (name === 'GITHUB_REPOSITORY') return 'org/repo';
        return name === 'INPUT_ENDPOINT' ? pathToFileURL(scratch()).href : undefined;
      },
      ownKeys: () => [],
    },
  );
  await prune(recordingRunner(env), new AbortController().signal);
  const names = [...declared('prune/action.yml', 'inputs').keys()];
  const rules = [
    'unused',
    'max-age',
    'max-size',
    'per-repository',
    'keep-newest',
    'dry-run',
    'repository',
    'scope',
    'key',
  ];
  const located = names.filter(name => !rules.includes(name)).map(name => `INPUT_${name.toUpperCase()}`);
  expect(names).toEqual(expect.arrayContaining(rules));
  // Those of main and post alone
  const others = ['INPUT_ROLE-TO-ASSUME-FOR-SAVE', 'INPUT_SERVER-SIDE-ENCRYPTION', 'INPUT_SSE-KMS-KEY-ID'];
  expect(new Set(located)).toEqual(new Set([...seen].filter(name => !others.includes(name))));
});

test('prune deletes caches of its own repository, and lists them in outputs, log and job summary', async () => {
  const { runner, left } = await runPrune({ 'max-size': '25' });
  expect(left).toBe(2);
  expect(runner.failed).toBe(false);
  expect(runner.outputs).toEqual({ 'deleted-caches': '1', 'deleted-bytes': '30' });
  expect(runner.lines).toEqual([
    expect.stringMatching(
      /^info: Deleted org\/repo refs\/heads\/main a: all caches together exceed 25 B; not used for \d+ s$/,
    ),
    'info: Deleted 1 cache of 2, 30 B of 50 B.',
  ]);
  expect(runner.summaries[0]?.slice(0, 3)).toEqual([
    ['Caches', '2, 50 B'],
    ['Deleted', '1, 30 B'],
    ['Deleted markers', '0'],
  ]);
  expect(runner.summaries[0]?.[3]?.[0]).toBe('org/repo refs/heads/main a');
});

test('prune reads what to delete from the step alone, and deletes nothing without a rule', async () => {
  const env = { CACHE_S3_SCOPE: 'ref', CACHE_S3_KEY: 'a', CACHE_S3_MAX_SIZE: '0', CACHE_S3_UNUSED: '1s' };
  const { runner, left } = await runPrune({}, env);
  expect(left).toBe(3);
  expect(runner.lines.at(-1)).toMatch(/^notice: No cache is deleted, because no rule is set: /);
});

test('prune of all repositories counts the caches of all', async () => {
  const { runner, left } = await runPrune({ repository: '*', 'per-repository': '15' });
  expect(left).toBe(1);
  expect(runner.outputs).toMatchObject({ 'deleted-caches': '2' });
});

test('prune names a cache that all repositories share by its scope and key', async () => {
  const shared = [{ key: 'a', bytes: 30, scope: 'bucket' as const }];
  const { runner } = await runPrune({ repository: '*', key: 'a' }, {}, shared);
  expect(runner.lines[0]).toBe('info: Deleted bucket a: selected');
  expect(runner.summaries[0]?.[3]?.[0]).toBe('bucket a');
});

test('a dry run of prune deletes nothing', async () => {
  const { runner, left } = await runPrune({ scope: 'refs/heads/*', 'dry-run': 'true' });
  expect(left).toBe(3);
  expect(runner.outputs).toEqual({ 'deleted-caches': '2', 'deleted-bytes': '50' });
  expect(runner.summaries[0]?.slice(1, 3)).toEqual([
    ['To delete', '2, 50 B'],
    ['Markers to delete', '0'],
  ]);
});

test('prune of a run without a repository fails its step, and deletes no cache that all repositories share', async () => {
  const { runner } = await runPrune({ 'max-size': '0' }, { GITHUB_REPOSITORY: '' });
  expect(runner.failed).toBe(true);
  expect(runner.lines.at(-1)).toContain("Input 'repository' is '', but it must be owner/name");
});

test.each<[string, Record<string, string>, string]>([
  ['a bad age', { unused: '7' }, "Input 'unused' is '7', but it must be an age such as 12h, 7d or 4w."],
  ['a bad size', { 'max-size': '1 XB' }, "Input 'max-size' is '1 XB', but it must be a size such as"],
  [
    'a count of 0, which would keep none',
    { 'keep-newest': '0' },
    "Input 'keep-newest' is '0', but it must be",
  ],
  [
    'a repository without an owner',
    { repository: 'repo' },
    "Input 'repository' is 'repo', but it must be owner/name",
  ],
  [
    'no bucket',
    { endpoint: '' },
    "Input 'bucket' is missing: set it, because GitHub's cache cannot be pruned.",
  ],
  [
    'a store that does not respond',
    { endpoint: 'http://127.0.0.1:1', bucket: 'b', accessKey: 'a', secretKey: 's', retry: 'false' },
    'Failed to prune: bucket b at http://127.0.0.1:1: connection refused',
  ],
])('prune fails its step for %s', async (_, inputs, message) => {
  const { runner, left } = await runPrune(inputs);
  expect(runner.failed).toBe(true);
  expect(runner.lines.at(-1)).toContain(message);
  expect(left).toBe(3);
});
