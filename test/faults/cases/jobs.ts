/** Several jobs at once, and what becomes of a job when its caches do not answer. */

import { closedEndpoint } from '../../support/servers/listen.ts';
import type { TreeSpec } from '../../support/tree.ts';
import { removeTree } from '../../support/tree.ts';
import type { FaultCase, Finding } from '../case.ts';
import { badExit, brokenObjects, finding, firstDifference, leakedSecret } from '../judge.ts';
import { count } from '../save-case.ts';
import { KEY, type Phase, type Scene } from '../scene.ts';
import { archivedTree, buildIn } from '../trees.ts';
import { silentEndpoint } from './endpoints.ts';

const JOBS = 6;

/** All start at the same moment and save the same tree under the same key. */
function simultaneousSaves(fault: string, tree: () => TreeSpec): FaultCase {
  return {
    fault,
    op: 'save',
    short: true,
    async run(scene) {
      await buildIn(scene.workspace, tree());
      const { '.': _root, ...expected } = await scene.describe();
      const phases = await Promise.all(
        Array.from({ length: JOBS }, (_, job) =>
          scene.phase('save', { env: { RUNNER_TEMP: `${scene.root}/temp-${job}` } }),
        ),
      );
      const objects = await scene.bucket.objects();
      const uploads = await scene.bucket.uploads();
      const ends = phases.map(({ stdout }) => /result=(\w+)/.exec(stdout)?.[1] ?? 'nothing');
      const slowest = phases.toSorted((a, b) => b.ms - a.ms)[0]!;
      return {
        ...finding(
          slowest,
          `${count(objects.length, 'object')}, ${count(uploads.length, 'upload')}`,
          [
            ...phases.map(phase => badExit(phase)),
            ends.every(end => end === 'saved' || end === 'exists')
              ? undefined
              : `the jobs end ${ends.join(', ')}`,
            ends.includes('saved') ? undefined : 'nobody saved',
            objects.length === 1 ? undefined : `${objects.length} objects are visible`,
            uploads.length > 0 ? `${uploads.length} uploads are left` : undefined,
            await brokenObjects(scene, objects, expected),
          ],
          undefined,
        ),
        says: [
          `${ends.filter(end => end === 'saved').length} saved, ${ends.filter(end => end === 'exists').length} found the key saved`,
        ],
      };
    },
  };
}

const FALLBACK = { 'use-fallback': '' };

interface JobSpec {
  readonly fault: string;
  readonly short?: boolean;
  readonly limitMs?: number;
  /** Inputs of main. */
  main(scene: Scene): Promise<Record<string, string>>;
  /** Inputs of post; those of main by default. */
  post?(scene: Scene): Promise<Record<string, string>>;
  readonly github: 'normal' | 'silent';
  /** How soon GitHub's cache has to be asked, in ms. */
  readonly askedWithinMs?: number;
  readonly mainSays: RegExp;
  readonly postSays: RegExp;
  /** Where the cache has to be afterwards. */
  readonly savedTo: 'bucket' | 'github' | 'nowhere';
}

/** A whole job, with a step that has a fallback: main finds nothing, the build makes the tree, post saves it. */
function jobCases(spec: JobSpec): FaultCase[] {
  const common = { short: spec.short ?? false, limitMs: spec.limitMs };
  return (['main', 'post'] as const).map(op => ({
    ...common,
    fault: spec.fault,
    op,
    run: scene => runJob(scene, spec, op),
  }));
}

async function runJob(scene: Scene, spec: JobSpec, reported: 'main' | 'post'): Promise<Finding> {
  const { service, env } = await scene.startGitHub();
  service.behave(spec.github);
  const mainInputs = { ...FALLBACK, ...(await spec.main(scene)) };
  const main = await scene.phase('main', { inputs: mainInputs, env });
  if (reported === 'main') return mainFinding(scene, spec, main, service.calls.length);
  await buildIn(scene.workspace, archivedTree());
  const { '.': _root, ...tree } = await scene.describe();
  const inputs = spec.post === undefined ? mainInputs : { ...FALLBACK, ...(await spec.post(scene)) };
  const post = await scene.phase('post', { inputs, env, state: main.state });
  const objects = await scene.bucket.objects();
  const entries = service.entries.filter(({ sizeBytes }) => sizeBytes !== undefined);
  const where = objects.length > 0 ? 'bucket' : entries.length > 0 ? 'github' : 'nowhere';
  return finding(
    post,
    `saved: ${where}`,
    [
      badExit(post),
      leakedSecret(scene, post),
      where === spec.savedTo ? undefined : `it is saved to ${where}, not ${spec.savedTo}:\n${post.stdout}`,
      await brokenObjects(scene, objects, tree),
      (await scene.bucket.uploads()).length > 0 ? 'an upload is left' : undefined,
    ],
    spec.postSays,
  );
}

function mainFinding(scene: Scene, spec: JobSpec, main: Phase, asked: number): Finding {
  const announced = main.lines.find(({ text }) => text.includes("GitHub's cache is used instead"));
  const { askedWithinMs = Number.POSITIVE_INFINITY } = spec;
  const found = finding(
    main,
    `GitHub asked after ${announced === undefined ? '-' : (announced.atMs / 1000).toFixed(1)} s`,
    [
      badExit(main),
      leakedSecret(scene, main),
      announced === undefined && spec.askedWithinMs !== undefined
        ? 'it does not say whom it asks'
        : undefined,
      asked === 0 ? "GitHub's cache was not asked" : undefined,
    ],
    spec.mainSays,
  );
  const late =
    announced !== undefined && announced.atMs > askedWithinMs
      ? [`GitHub's cache is asked after ${announced.atMs} ms, promised are ${askedWithinMs}`]
      : [];
  return { ...found, late: [...found.late, ...late] };
}

/** GitHub holds the key and the bucket is back at post: the bucket gets it too, GitHub not again. */
const hitOfGitHub: FaultCase = {
  fault: "the bucket is down in main and up in post, and GitHub's cache has the key",
  op: 'main, post',
  short: false,
  async run(scene) {
    const { service, env } = await scene.startGitHub();
    await buildIn(scene.workspace, archivedTree());
    const { '.': _root, ...tree } = await scene.describe();
    // without a bucket the same step saves to GitHub
    await scene.phase('save', { inputs: { ...FALLBACK, bucket: '' }, env });
    await removeTree(scene.tree);
    const down = { ...FALLBACK, endpoint: await closedEndpoint() };
    const main = await scene.phase('main', { inputs: down, env });
    const post = await scene.phase('post', { inputs: FALLBACK, env, state: main.state });
    const objects = await scene.bucket.objects();
    const { '.': _now, ...restored } = await scene.describe();
    return {
      ...finding(
        main,
        `${count(objects.length, 'object')}, ${count(service.entries.length, 'entry')} at GitHub`,
        [
          badExit(main),
          badExit(post),
          main.outputs['cache-hit'] === 'true' ? undefined : `no hit from GitHub:\n${main.stdout}`,
          main.outputs['cache-source'] === 'github' ? undefined : 'cache-source is not github',
          sameContent(restored, tree),
          objects.length === 1 ? undefined : `the bucket lacks the key:\n${post.stdout}`,
          service.entries.length === 1 ? undefined : 'GitHub has a second entry',
        ],
        /GitHub's cache is used instead/,
      ),
      ms: main.ms + post.ms,
    };
  },
};

/** GitHub's cache is unpacked by tar, whose promises about times and directories are not ours. */
function sameContent(
  actual: Record<string, { sha256?: string }>,
  expected: Record<string, { sha256?: string }>,
) {
  const contents = (tree: Record<string, { sha256?: string }>) =>
    Object.fromEntries(Object.entries(tree).map(([name, { sha256 }]) => [name, { sha256 }]));
  return firstDifference(contents(actual) as never, contents(expected) as never);
}

export const jobCaseList: readonly FaultCase[] = [
  simultaneousSaves(`${JOBS} jobs save one key at once (multipart)`, archivedTree),
  simultaneousSaves(`${JOBS} jobs save one key at once (one PutObject)`, () => ({ 'a.txt': 'small' })),
  ...jobCases({
    fault: "the bucket's port is closed; GitHub's cache responds",
    short: true,
    main: async () => ({ endpoint: await closedEndpoint() }),
    github: 'normal',
    askedWithinMs: 6_000,
    mainSays: /Cache not found for input keys/,
    postSays: /Cache saved with key/,
    savedTo: 'github',
  }),
  ...jobCases({
    fault: "the bucket never responds; GitHub's cache responds",
    main: async scene => ({ endpoint: await silentEndpoint(scene) }),
    github: 'normal',
    askedWithinMs: 12_000,
    mainSays: /Cache not found for input keys/,
    postSays: /Cache saved with key/,
    savedTo: 'github',
  }),
  ...jobCases({
    fault: "neither the bucket nor GitHub's cache responds",
    limitMs: 25_000,
    main: async scene => ({ endpoint: await silentEndpoint(scene) }),
    github: 'silent',
    askedWithinMs: 12_000,
    mainSays: /::warning::.*GitHub's cache did not respond/,
    postSays: /::warning::.*GitHub's cache did not respond/,
    savedTo: 'nowhere',
  }),
  ...jobCases({
    fault: 'the bucket is down in main and up in post',
    main: async () => ({ endpoint: await closedEndpoint() }),
    post: async () => ({}),
    github: 'normal',
    mainSays: /GitHub's cache is used instead/,
    postSays: /Cache saved with key/,
    savedTo: 'bucket',
  }),
  hitOfGitHub,
  {
    fault: 'none: a cache of one small file',
    op: 'main, post',
    short: false,
    // no timer may keep the process, no worker thread may be waited for
    limitMs: 5_000,
    async run(scene) {
      const main = await scene.phase('main');
      await buildIn(scene.workspace, { 'a.txt': 'small' });
      const post = await scene.phase('post', { state: main.state });
      const saved = post.stdout.includes(`Cache saved with key: ${KEY}`);
      return {
        ...finding(
          post,
          '1 object',
          [badExit(main), badExit(post), saved ? undefined : post.stdout],
          undefined,
        ),
        ms: main.ms + post.ms,
      };
    },
  },
];
