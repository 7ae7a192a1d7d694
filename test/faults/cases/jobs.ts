/** Several jobs at once, and jobs whose caches do not respond. */

import { closedEndpoint } from '../../support/servers/listen.ts';
import { deleteTree, type TreeDescription, type TreeSpec, treeDifferences } from '../../support/tree.ts';
import type { FaultCase, Finding } from '../case.ts';
import { exitProblem, objectProblem, secretProblem, toFinding } from '../checks.ts';
import type { PhaseResult } from '../phase-runner.ts';
import { count } from '../save-case.ts';
import { KEY, type Scene } from '../scene.ts';
import { archivedTree, buildTreeIn } from '../trees.ts';
import { silentEndpoint } from './endpoints.ts';

const JOBS = 6;

/** Saves the same tree under the same key in several jobs that start at once. */
function simultaneousSaves(fault: string, short: boolean, tree: () => TreeSpec): FaultCase {
  return {
    fault,
    phase: 'save',
    short,
    async run(scene) {
      await buildTreeIn(scene.workspace, tree());
      const { '.': _root, ...expected } = await scene.describe();
      const phases = await Promise.all(
        Array.from({ length: JOBS }, (_, job) =>
          scene.runPhase('save', { env: { RUNNER_TEMP: `${scene.root}/temp-${job}` } }),
        ),
      );
      const objects = await scene.bucket.objects();
      const uploads = await scene.bucket.uploads();
      const results = phases.map(({ stdout }) => /result=(\w+)/.exec(stdout)?.[1] ?? 'no result');
      const resultsOf = (kind: string) => results.filter(result => result === kind).length;
      const slowest = phases.toSorted((a, b) => b.ms - a.ms)[0]!;
      return {
        ...toFinding(
          slowest,
          `${count(objects.length, 'object')}, ${count(uploads.length, 'upload')}`,
          [
            ...phases.map(phase => exitProblem(phase)),
            resultsOf('saved') + resultsOf('exists') === JOBS
              ? undefined
              : `the results are ${results.join(', ')}`,
            resultsOf('saved') > 0 ? undefined : 'no job saved',
            objects.length === 1 ? undefined : `${count(objects.length, 'object')} visible`,
            uploads.length > 0 ? `${count(uploads.length, 'upload')} left` : undefined,
            await objectProblem(scene, objects, expected),
          ],
          undefined,
        ),
        messages: [`${resultsOf('saved')} saved, ${resultsOf('exists')} found the key saved`],
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
  /** The promised time in ms until GitHub's cache is used. */
  readonly githubWithinMs?: number;
  readonly mainMessage: RegExp;
  readonly postMessage: RegExp;
  /** The store that must hold the cache afterwards. */
  readonly savedTo: 'bucket' | 'github' | 'nowhere';
}

/** Resets every connection. The endpoint stays the same for the whole job, because post keeps to that of main. */
function bringDown({ proxy }: Scene): void {
  proxy.rule = () => ({ kind: 'reset', served: false });
}

function bringUp({ proxy }: Scene): void {
  proxy.rule = () => undefined;
}

/** Runs a whole job with a fallback: main misses, the build makes the tree, post saves it. One row for each phase. */
function fallbackCases(spec: JobSpec): FaultCase[] {
  const common = { short: spec.short ?? false, limitMs: spec.limitMs };
  return (['main', 'post'] as const).map(phase => ({
    ...common,
    fault: spec.fault,
    phase,
    run: scene => runFallbackJob(scene, spec, phase),
  }));
}

async function runFallbackJob(scene: Scene, spec: JobSpec, reported: 'main' | 'post'): Promise<Finding> {
  const { service, env } = await scene.startGitHub();
  service.behave(spec.github);
  const mainInputs = { ...FALLBACK, ...(await spec.main(scene)) };
  const main = await scene.runPhase('main', { inputs: mainInputs, env });
  if (reported === 'main') return mainFinding(scene, spec, main, service.calls.length);
  await buildTreeIn(scene.workspace, archivedTree());
  const { '.': _root, ...tree } = await scene.describe();
  const inputs = spec.post === undefined ? mainInputs : { ...FALLBACK, ...(await spec.post(scene)) };
  const post = await scene.runPhase('post', { inputs, env, state: main.state });
  const objects = await scene.bucket.objects();
  const entries = service.entries.filter(({ sizeBytes }) => sizeBytes !== undefined);
  const where = objects.length > 0 ? 'bucket' : entries.length > 0 ? 'github' : 'nowhere';
  return toFinding(
    post,
    `saved: ${where}`,
    [
      exitProblem(post),
      secretProblem(scene, post),
      where === spec.savedTo ? undefined : `it is saved to ${where}, not ${spec.savedTo}:\n${post.stdout}`,
      await objectProblem(scene, objects, tree),
      (await scene.bucket.uploads()).length > 0 ? 'an upload is left' : undefined,
    ],
    spec.postMessage,
  );
}

function mainFinding(scene: Scene, spec: JobSpec, main: PhaseResult, requests: number): Finding {
  const announced = main.lines.find(({ text }) => text.includes("GitHub's cache is used instead"));
  const { githubWithinMs = Number.POSITIVE_INFINITY } = spec;
  const found = toFinding(
    main,
    `GitHub's cache used after ${announced === undefined ? '-' : (announced.atMs / 1000).toFixed(1)} s`,
    [
      exitProblem(main),
      secretProblem(scene, main),
      announced === undefined && spec.githubWithinMs !== undefined
        ? "it does not report that GitHub's cache is used"
        : undefined,
      requests === 0 ? "GitHub's cache got no request" : undefined,
    ],
    spec.mainMessage,
  );
  const late =
    announced !== undefined && announced.atMs > githubWithinMs
      ? [`GitHub's cache is used after ${announced.atMs} ms, promised are ${githubWithinMs}`]
      : [];
  return { ...found, late: [...found.late, ...late] };
}

/** GitHub's cache has the key, and the bucket is up in post: post saves to the bucket and not to GitHub's cache again. */
const hitOfGitHub: FaultCase = {
  fault: "the bucket is down in main and up in post, and GitHub's cache has the key",
  phase: 'main, post',
  short: false,
  async run(scene) {
    const { service, env } = await scene.startGitHub();
    await buildTreeIn(scene.workspace, archivedTree());
    const { '.': _root, ...tree } = await scene.describe();
    // Without a bucket the same step saves to GitHub's cache
    await scene.runPhase('save', { inputs: { ...FALLBACK, bucket: '' }, env });
    await deleteTree(scene.tree);
    bringDown(scene);
    const main = await scene.runPhase('main', { inputs: FALLBACK, env });
    bringUp(scene);
    const post = await scene.runPhase('post', { inputs: FALLBACK, env, state: main.state });
    const objects = await scene.bucket.objects();
    const { '.': _now, ...restored } = await scene.describe();
    return {
      ...toFinding(
        main,
        `${count(objects.length, 'object')}; GitHub's cache: ${count(service.entries.length, 'key')}`,
        [
          exitProblem(main),
          exitProblem(post),
          main.outputs['cache-hit'] === 'true' ? undefined : `no hit of GitHub's cache:\n${main.stdout}`,
          main.outputs['cache-source'] === 'github' ? undefined : 'cache-source is not github',
          contentDifference(restored, tree),
          objects.length === 1 ? undefined : `the bucket lacks the key:\n${post.stdout}`,
          service.entries.length === 1 ? undefined : "GitHub's cache has a second entry",
        ],
        /GitHub's cache is used instead/,
      ),
      ms: main.ms + post.ms,
    };
  },
};

/** Returns the first difference in content: GitHub's cache is unpacked by tar, which sets other times. */
function contentDifference(actual: TreeDescription, expected: TreeDescription): string | undefined {
  const contents = (tree: TreeDescription) =>
    Object.fromEntries(Object.entries(tree).map(([name, { sha256 }]) => [name, sha256]));
  return treeDifferences(contents(actual), contents(expected))[0];
}

/** A job that GitHub's cache serves in place of the bucket. */
const SERVED_BY_GITHUB = {
  github: 'normal',
  mainMessage: /Cache not found for input keys/,
  postMessage: /Cache saved with key/,
  savedTo: 'github',
} as const;

export const jobCases: readonly FaultCase[] = [
  simultaneousSaves(`${JOBS} jobs save one key at once (multipart)`, true, archivedTree),
  simultaneousSaves(`${JOBS} jobs save one key at once (one PutObject)`, false, () => ({ 'a.txt': 'small' })),
  ...fallbackCases({
    fault: "the bucket's port is closed; GitHub's cache responds",
    short: true,
    main: async () => ({ endpoint: await closedEndpoint() }),
    githubWithinMs: 6_000,
    ...SERVED_BY_GITHUB,
  }),
  ...fallbackCases({
    fault: "the bucket never responds; GitHub's cache responds",
    main: async scene => ({ endpoint: await silentEndpoint(scene) }),
    githubWithinMs: 12_000,
    ...SERVED_BY_GITHUB,
  }),
  ...fallbackCases({
    fault: "neither the bucket nor GitHub's cache responds",
    limitMs: 25_000,
    main: async scene => ({ endpoint: await silentEndpoint(scene) }),
    github: 'silent',
    githubWithinMs: 12_000,
    mainMessage: /::warning::.*GitHub's cache did not respond/,
    postMessage: /::warning::.*GitHub's cache did not respond/,
    savedTo: 'nowhere',
  }),
  ...fallbackCases({
    fault: 'the bucket is down in main and up in post',
    main: async scene => {
      bringDown(scene);
      return {};
    },
    post: async scene => {
      bringUp(scene);
      return {};
    },
    github: 'normal',
    mainMessage: /GitHub's cache is used instead/,
    postMessage: /Cache saved with key/,
    savedTo: 'bucket',
  }),
  hitOfGitHub,
  {
    fault: 'none: a cache of one small file',
    phase: 'main, post',
    short: false,
    // No timer and no worker thread may delay the end of the process
    limitMs: 5_000,
    async run(scene) {
      const main = await scene.runPhase('main');
      await buildTreeIn(scene.workspace, { 'a.txt': 'small' });
      const post = await scene.runPhase('post', { state: main.state });
      const saved = post.stdout.includes(`Cache saved with key: ${KEY}`);
      return {
        ...toFinding(
          post,
          '1 object',
          [exitProblem(main), exitProblem(post), saved ? undefined : post.stdout],
          undefined,
        ),
        ms: main.ms + post.ms,
      };
    },
  },
];
