import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { asUser, describeWithGateway } from '../e2e/support/lab.ts';
import { type Checkout, copyCheckout } from '../support/checkout.ts';
import { giveAway } from '../support/drop-privileges.ts';
import { Bucket } from '../support/gateway/bucket.ts';
import { type RoleGateway, startRoleGateway } from '../support/gateway/role-gateway.ts';
import type { WorkflowResult } from '../support/runner/model.ts';
import { mainOf, postOf, warningsOf } from '../support/runner/results.ts';
import { runWorkflow } from '../support/runner/run-workflow.ts';
import { startTokenService, type TokenService } from '../support/servers/token-service.ts';
import { read } from './documents.ts';

/** Runs the examples of README.md as a new user pastes them: only endpoint, bucket and the tools that fill the cache differ. */

const examples = [...read('README.md').matchAll(/```yaml\n([\s\S]*?)```/g)].map(match => match[1]!);

/** Returns the only example that contains a text. */
function example(text: string): string {
  const found = examples.filter(one => one.includes(text));
  if (found.length !== 1) throw new Error(`README.md has ${found.length} examples with '${text}'`);
  return found[0]!;
}

const REPOSITORY = 'your-org/your-repo';
const tools = {
  npm: 'mkdir node_modules; echo a > node_modules/a',
  python3: 'mkdir -p "$3/bin"; printf "#!/bin/sh\\n" > "$3/bin/pip"; chmod +x "$3/bin/pip"',
};
const build = '- { id: build, run: mkdir -p ~/.cache/go-build && echo object > ~/.cache/go-build/object }\n';

let checkout: Checkout;
let roles: RoleGateway;
let bucket: Bucket;
let tokens: TokenService;
/** The run whose identity a token has. */
let ref = 'refs/heads/main';
let event = 'push';

/** Runs a job with these lines before `jobs:` and these steps on a new machine. */
async function run(head: string, steps: string): Promise<WorkflowResult> {
  const machine = await mkdtemp(path.join(checkout.root, 'machine-'));
  const [workspace, home] = [path.join(machine, 'work'), path.join(machine, 'home')];
  for (const directory of [workspace, home]) await mkdir(directory);
  for (const file of ['go.sum', 'package-lock.json', 'requirements.txt'])
    await writeFile(path.join(workspace, file), file);
  await giveAway(machine);
  const indented = steps.replace(/^(?=.)/gm, '      ');
  const text = `on: push\n${head}jobs:\n  job:\n    runs-on: self-hosted\n    steps:\n${indented}`;
  const pull_request = { base: { ref: 'main' }, head: { repo: { full_name: REPOSITORY } } };
  return runWorkflow({
    text: text
      .replaceAll('https://rgw.example.com:8443', roles.gateway.endpoint)
      .replaceAll(/(bucket|BUCKET): ci-cache$/gm, `$1: ${bucket.name}`),
    workspace,
    home,
    ...asUser,
    github: { repository: REPOSITORY, ref },
    event: {
      name: event,
      payload: {
        repository: { default_branch: 'main' },
        ...(event === 'pull_request' && { number: 7, pull_request }),
      },
    },
    secrets: { CACHE_ACCESS_KEY: bucket.access.accessKey, CACHE_SECRET_KEY: bucket.access.secretKey },
    actions: { 'your-org/cache-s3': checkout.directory },
    env: {
      // Only a job with this permission gets the token service
      ...(/id-token: write/.test(head) && tokens.environment),
      PATH: `${path.join(checkout.root, 'bin')}:${process.env.PATH}`,
    },
  });
}

/** Returns the result of the step that uses the action, which has no id in some examples. */
const cacheStep = (result: WorkflowResult, stage: 'main' | 'post') =>
  result.steps.find(step => step.stage === stage && /cache/.test(step.id))!;

describeWithGateway('README.md', () => {
  beforeAll(async () => {
    checkout = await copyCheckout('cache-s3 readme-');
    roles = await startRoleGateway();
    bucket = await Bucket.create(roles.gateway, 'readme');
    tokens = await startTokenService(aud =>
      roles.issuer.tokenWith({
        aud,
        sub: `repo:${REPOSITORY}:ref:${ref}`,
        repository_id: '123456789',
        ref,
        event_name: event,
      }),
    );
    const bin = path.join(checkout.root, 'bin');
    await mkdir(bin);
    for (const [name, script] of Object.entries(tools))
      await writeFile(path.join(bin, name), `#!/bin/sh\nset -e\n${script}\n`, { mode: 0o755 });
    const { stdout: script } = await promisify(execFile)(process.execPath, [
      path.join(checkout.directory, 'dist/cache-s3.js'),
      ...['policy', '--endpoint', roles.gateway.endpoint, '--bucket', bucket.name],
      ...['--repository', REPOSITORY, '--repository-id', '123456789', '--roles', 'read', 'main'],
      ...['--issuer', roles.issuer.endpoint, '--thumbprint', roles.issuer.thumbprint],
    ]);
    await roles.runScript(script);
  });
  afterAll(async () => {
    await tokens?.close();
    bucket?.close();
    await roles?.stop();
    await checkout?.remove();
  });
  beforeEach(() => {
    ref = 'refs/heads/main';
    event = 'push';
  });

  it('the first example saves on the default branch, and a pull request restores that cache and skips its save', async () => {
    const permissions = 'permissions: { id-token: write, contents: read }\n';
    const cold = await run(permissions, `${examples[0]}${build}`);
    expect(cacheStep(cold, 'post').log).toMatch(/^Cache saved with key: Linux-go-/);
    ref = 'refs/pull/7/merge';
    event = 'pull_request';
    const other = examples[0]!.replace('-go-$', '-go-2$');
    const pull = await run(permissions, `${other}${build}`);
    expect(cacheStep(pull, 'main').outputs).toMatchObject({ 'cache-hit': 'false', 'cache-source': 's3' });
    expect(cacheStep(pull, 'post').log).toMatch(/^Cache not saved: .* this run may not assume the role /);
    expect([...warningsOf(cold), ...warningsOf(pull)]).toEqual([]);
  });

  it('a job of the first example without its permission gets a warning that names it, and continues', async () => {
    const result = await run('', `${examples[0]}${build}`);
    expect(warningsOf(result)[0]).toContain("check the permission 'id-token: write'");
    expect(result.conclusion).toBe('success');
  });

  it('the example with variables, roles and an id skips work after an exact hit', async () => {
    const [head, steps] = [example('CACHE_S3_ROLE_TO_ASSUME'), example('npm ci')];
    const cold = await run(head, steps);
    expect(postOf(cold, 'cache').log).toContain('Cache saved with key: Linux-npm-');
    const warm = await run(head, steps);
    expect(mainOf(warm, 'cache').outputs['cache-hit']).toBe('true');
    expect(warm.steps.map(({ stage, conclusion }) => `${stage} ${conclusion}`)).toEqual([
      'main success',
      'main skipped',
      'post success',
    ]);
    expect([...warningsOf(cold), ...warningsOf(warm)]).toEqual([]);
  });

  it('the example with keys restores and saves in separate steps', async () => {
    const [head, steps] = [example('CACHE_S3_ACCESS_KEY'), example('cache-s3/restore@')];
    const cold = await run(head, steps);
    expect(cold.log).toContain('Cache saved with key: Linux-venv-');
    const warm = await run(head, steps);
    expect(mainOf(warm, 'cache').outputs['cache-hit']).toBe('true');
    expect(warm.log).not.toContain('saved');
    expect([...warningsOf(cold), ...warningsOf(warm)]).toEqual([]);
  });

  it('the example that pins a commit uses the bucket of the variables', async () => {
    const result = await run(example('CACHE_S3_ACCESS_KEY'), `${example('# v0.1.0')}${build}`);
    expect(cacheStep(result, 'post').log).toContain('Cache saved with key: go-');
    expect(warningsOf(result)).toEqual([]);
  });
});
