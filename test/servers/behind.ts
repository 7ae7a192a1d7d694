import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { useLab } from '../e2e/support/lab.ts';
import { gateway } from '../support/gateway/shared-gateway.ts';
import { MiB } from '../support/sizes.ts';
import { buildTree, describeTree } from '../support/tree.ts';

interface ReverseProxy extends AsyncDisposable {
  readonly endpoint: string;
}

/**
 * Runs the built action behind a reverse proxy that runs for the tests of one `describe`.
 * @param start starts it before `host:port`.
 * @param inputs further inputs of each step, once it runs.
 */
export function behind(
  start: (target: string) => Promise<ReverseProxy>,
  inputs: () => Readonly<Record<string, string>> = () => ({}),
) {
  const lab = useLab();
  let proxy: ReverseProxy | undefined;
  beforeAll(async () => {
    proxy = await start(new URL(gateway().endpoint).host);
  });
  afterAll(async () => {
    await proxy?.[Symbol.asyncDispose]();
  });

  /** Restores on a new machine, writes `deps/file` if it is given and missing and `deps/other`, and saves. */
  return async (own: Readonly<Record<string, string>>, file?: Buffer) => {
    const { workspace } = await lab.newMachine();
    const options = { workspace, inputs: { endpoint: proxy!.endpoint, ...inputs(), ...own } };
    const main = await lab.runAction({ entry: 'main', ...options });
    const restored =
      main.outputs['cache-matched-key'] === undefined ? undefined : await describeTree(workspace);
    if (file && !restored) await buildTree(workspace, { 'deps/file': file });
    if (file) await buildTree(workspace, { 'deps/other': own.key! });
    const post = await lab.runAction({ entry: 'post', ...options, state: main.state });
    expect([main.exitCode, post.exitCode]).toEqual([0, 0]);
    return { main, post, restored, saved: await describeTree(workspace) };
  };
}

type Job = ReturnType<typeof behind>;

/** Tests a reverse proxy that users should not notice: caches of each size are saved, restored and saved incrementally. */
export function testWorkingProxy(job: Job): void {
  test.each([100, 12 * MiB, 40 * MiB])('saves and restores a cache of %i bytes', async sizeBytes => {
    const file = randomBytes(sizeBytes);
    const first = await job({ key: 'first' }, file);
    expect(first.post.stdout).toContain('result=saved');
    const second = await job({ key: 'second', 'restore-keys': 'fir' }, file);
    expect(second.main.outputs['cache-matched-key']).toBe('first');
    expect(second.restored).toEqual(first.saved);
    expect(second.post.stdout).toContain('result=saved');
    if (sizeBytes > MiB) expect(second.post.stdout).toMatch(/reused=[1-9]/);
    const third = await job({ key: 'second' });
    expect(third.main.outputs['cache-hit']).toBe('true');
    expect(third.restored).toEqual(second.saved);
  });
}

/** Tests a reverse proxy that no client can make up for. */
export function testFailingProxy(job: Job, message: RegExp): void {
  test('names the cause, and the job goes on', async () => {
    const large = await job({ key: 'large' }, randomBytes(12 * MiB));
    const small = await job({ key: 'small' }, randomBytes(100));
    const again = await job({ key: 'large' });
    const logs = [large, small, again].flatMap(({ main, post }) => [main.stdout, post.stdout]);
    expect(logs.join('')).toMatch(message);
    expect(again.main.outputs['cache-hit']).not.toBe('true');
  });
}
