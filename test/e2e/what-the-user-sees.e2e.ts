import { execFileSync } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { startGatewayProxy } from '../support/gateway/shared-gateway.ts';
import { incompressible } from '../support/random.ts';
import { closingFields, debugOf, mainOf, postOf } from '../support/runner/results.ts';
import { buildTree } from '../support/tree.ts';
import { describeWithGateway, useLab } from './support/lab.ts';

const lab = useLab();
const step = (more = '') => `- { id: cache, uses: actions/cache@v5, with: { path: deps, key: k${more} } }`;

describeWithGateway('the log', () => {
  it('each phase ends with a line for people and a line for programs', async () => {
    await buildTree(lab.machine.workspace, { 'deps/a': 'a'.repeat(2000) });
    const first = await lab.steps(step());
    expect(mainOf(first, 'cache').log).toMatch(
      /^cache-s3: op=restore source=none result=miss ms=\d+ requests=\d+ retries=0$/m,
    );
    expect(postOf(first, 'cache').log).toMatch(
      /^Saved 2 entries, 2\.0 kB of files, \d+ B stored, in \d+\.\d\d s \(.*\/s\)\ncache-s3: op=save source=s3 result=saved bytes=\d+ ms=\d+ requests=\d+ retries=0$/m,
    );
    const second = await lab.steps(step(), { machine: await lab.newMachine() });
    expect(mainOf(second, 'cache').log).toMatch(
      /^Restored 2 entries, 2\.0 kB of files, \d+ B stored, in \d+\.\d\d s \(.*\/s\)\ncache-s3: op=restore source=s3 result=hit bytes=\d+ ms=\d+ requests=1 retries=0$/m,
    );
  });

  it('a long transfer logs its progress in a group', async () => {
    await buildTree(lab.machine.workspace, { 'deps/a': incompressible(3_600_000) });
    await lab.steps(step());
    await using proxy = await startGatewayProxy();
    // The tail is not throttled. The rest of 3.6 MB takes about six seconds
    proxy.rule = ({ range }) =>
      range?.startsWith('bytes=-') ? undefined : { kind: 'throttle', bytesPerSecond: 550_000 };
    const result = await lab.steps(step(), {
      machine: await lab.newMachine(),
      env: { CACHE_S3_ENDPOINT: proxy.endpoint },
    });
    expect(mainOf(result, 'cache').log).toMatch(
      /^##\[group\]Receiving 3\.6 MB\n(Received \d\.\d MB of 3\.6 MB \(\d+ %\), \d+\.\d kB\/s\n)+##\[endgroup\]\nCache restored from key: k$/m,
    );
    expect(mainOf(result, 'cache').outputs['cache-hit']).toBe('true');
  });

  it('the name of a file or a key is not read as a workflow command', async () => {
    await buildTree(lab.machine.workspace, { 'deps/a': 'a' });
    // A notice names the skipped path
    execFileSync('mkfifo', [path.join(lab.machine.workspace, 'deps/pipe\n::error::no')]);
    const key = JSON.stringify('k ##[error]no %0A::error::no');
    const result = await lab.steps(
      `- { id: cache, uses: actions/cache@v5, with: { path: deps, key: ${key} } }`,
    );
    expect(postOf(result, 'cache').log).toContain('Cache saved with key: k');
    expect(result.steps.flatMap(({ annotations }) => annotations)).toEqual([
      { level: 'notice', message: expect.stringContaining(String.raw`deps/pipe\n::error::no.`) },
    ]);
    expect(result.log).not.toContain('##[error]');
  });
});

describeWithGateway('summary: true', () => {
  it('summary writes a table for each phase, and without it nothing is written', async () => {
    await buildTree(lab.machine.workspace, { 'deps/a': 'a' });
    const result = await lab.steps(step(', summary: true'));
    expect(mainOf(result, 'cache').summary).toMatch(
      /<h3>Cache restore<\/h3>[\s\S]*<td>Result<\/td><td>miss<\/td>/,
    );
    expect(postOf(result, 'cache').summary).toMatch(/<h3>Cache save<\/h3>[\s\S]*<td>Key<\/td><td>k<\/td>/);
    const silent = await lab.steps(step(), { machine: await lab.newMachine() });
    expect(silent.steps.map(({ summary }) => summary)).toEqual(['', '']);
  });
});

describeWithGateway('RUNNER_DEBUG', () => {
  const env = { RUNNER_DEBUG: '1' };

  it('RUNNER_DEBUG logs every request with its duration', async () => {
    await buildTree(lab.machine.workspace, { 'deps/a': 'a' });
    const result = await lab.steps(step(), { env });
    for (const phase of [mainOf(result, 'cache'), postOf(result, 'cache')]) {
      const requests = debugOf(phase).filter(line => /^s3 [A-Z][A-Za-z0-9]+ .*, \d+ ms$/.test(line));
      expect(requests).toHaveLength(Number(closingFields(phase)?.requests));
    }
    const quiet = await lab.steps(step(), { machine: await lab.newMachine() });
    expect(debugOf(mainOf(quiet, 'cache'))).toEqual([]);
  });

  it('no secret is in the log or in a file for the runner, even with RUNNER_DEBUG', async () => {
    const { secretKey } = lab.bucket.access;
    await buildTree(lab.machine.workspace, { 'deps/a': 'a' });
    const temp = path.join(lab.root, '_temp');
    const sessionToken = 'session-token-of-a-test';
    const everything: string[] = [];
    // A good key, a wrong one, and one with an unknown session token
    const all: Record<string, string>[] = [{}, { secretKey: `${secretKey}-wrong` }, { sessionToken }];
    for (const credentials of all) {
      let state = {};
      for (const entry of ['main', 'post'] as const) {
        const inputs = { ...credentials, retry: 'false', summary: 'true' };
        const result = await lab.runAction({ entry, state, env, inputs });
        state = result.state;
        expect(result.exitCode).toBe(0);
        expect(result.masks).toContain(credentials.secretKey ?? secretKey);
        everything.push(result.stdout, result.summary);
        everything.push(JSON.stringify([result.outputs, result.state, result.env]));
      }
    }
    for (const file of await readdir(temp, { recursive: true, withFileTypes: true }))
      if (file.isFile()) everything.push(await readFile(path.join(file.parentPath, file.name), 'latin1'));
    const text = everything.join('\n');
    expect(text).toContain('s3 GetObject');
    expect(text).not.toContain(secretKey);
    expect(text).not.toContain(sessionToken);
    expect(text).not.toMatch(/X-Amz-Signature|Credential=/i);
  });
});
