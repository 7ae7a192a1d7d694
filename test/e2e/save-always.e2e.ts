import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { startGatewayProxy } from '../support/gateway/shared-gateway.ts';
import { closingFields, linesForPeople, mainOf, postOf, warningsOf } from '../support/runner/results.ts';
import { cancelAt } from '../support/servers/fault-proxy.ts';
import { describeWithGateway, useLab } from './support/lab.ts';

/** Saves of jobs that fail or are cancelled. */

const lab = useLab();

const one = (inputs = '') => `- { id: cache, uses: actions/cache@v5, with: { path: deps, key: k${inputs} } }`;
const work = '- { id: work, run: mkdir deps && echo a > deps/a }';

describeWithGateway('save-always', () => {
  it('save-always saves after a failure of the job', async () => {
    const result = await lab.steps(`${one(', save-always: true')}\n${work}\n- run: exit 1`);
    expect(result.conclusion).toBe('failure');
    expect(postOf(result, 'cache').log).toContain('Cache saved with key: k');
    expect(warningsOf(result)).toEqual([]);
    expect(await lab.objects()).toHaveLength(1);
  });

  it('without save-always a failed job saves nothing, and a line gives the reason', async () => {
    const result = await lab.steps(`${one()}\n${work}\n- run: exit 1`);
    expect(linesForPeople(postOf(result, 'cache'))).toBe(
      'Cache not saved: the job failed and save-always is not set.',
    );
    expect(await lab.objects()).toEqual([]);
  });

  it('save-always applies to its own step only', async () => {
    const result = await lab.steps(`
      - { id: always, uses: actions/cache@v5, with: { path: deps, key: a, save-always: true } }
      - { id: not, uses: actions/cache@v5, with: { path: deps, key: b } }
      - run: mkdir deps && exit 1
    `);
    expect(postOf(result, 'always').log).toContain('Cache saved with key: a');
    expect(postOf(result, 'not').log).toContain('save-always is not set');
  });

  it.each([true, false])('save-always works inside a composite action: %s', async saveAlways => {
    const directory = path.join(lab.root, `composite-${lab.prefix}`);
    await mkdir(directory);
    await writeFile(
      path.join(directory, 'action.yml'),
      `name: Deps
description: The cache of a team
inputs:
  always: { description: Save after a failure too, default: 'false' }
runs:
  using: composite
  steps:
    - { id: inner, uses: actions/cache@v5, with: { path: deps, key: k, save-always: '\${{ inputs.always }}' } }
`,
    );
    const result = await lab.steps(
      `- { id: outer, uses: team/deps@v1, with: { always: ${saveAlways} } }\n${work}\n- run: exit 1`,
      { actions: { 'team/deps': directory } },
    );
    expect(mainOf(result, 'inner').outcome).toBe('success');
    expect(closingFields(postOf(result, 'inner'))?.result).toBe(saveAlways ? 'saved' : 'skipped');
    expect(await lab.objects()).toHaveLength(saveAlways ? 1 : 0);
  });

  it('a cancelled job saves nothing, even with save-always', async () => {
    const result = await lab.steps(`${one(', save-always: true')}\n${work}\n- run: echo now; exec sleep 30`, {
      cancelWhen: ({ text }) => text === 'now',
      grace: { interruptMs: 200, terminateMs: 200 },
    });
    expect(result.conclusion).toBe('cancelled');
    expect(linesForPeople(postOf(result, 'cache'))).toBe('Cache not saved: the job was cancelled.');
    expect(await lab.objects()).toEqual([]);
  });
});

describeWithGateway('restore/ and save/', () => {
  const halves = (work: string) => `
    - { id: restore, uses: actions/cache/restore@v5, with: { path: deps, key: k } }
    ${work}
    - id: save
      if: always() && steps.work.outcome == 'success'
      uses: actions/cache/save@v5
      with: { path: deps, key: "\${{ steps.restore.outputs.cache-primary-key }}" }
    - { id: rest, run: exit 1 }
  `;

  it('save/ after a successful build saves it, although a later step fails', async () => {
    const result = await lab.steps(halves(work));
    expect(result.conclusion).toBe('failure');
    expect(mainOf(result, 'save').log).toContain('Cache saved with key: k');
    const again = await lab.steps(halves(work), { machine: await lab.newMachine() });
    expect(mainOf(again, 'restore').outputs['cache-hit']).toBe('true');
  });

  it('save/ is skipped after a build that failed', async () => {
    const result = await lab.steps(halves('- { id: work, run: mkdir deps && exit 1 }'));
    expect(mainOf(result, 'save').outcome).toBe('skipped');
    expect(await lab.objects()).toEqual([]);
  });

  it('save/ of a key that exists succeeds', async () => {
    await lab.steps(halves(work));
    const result = await lab.steps(
      `${work}\n- { id: save, uses: actions/cache/save@v5, with: { path: deps, key: k } }`,
      { machine: await lab.newMachine() },
    );
    expect(mainOf(result, 'save').log).toContain('is already saved');
    expect(result.conclusion).toBe('success');
  });
});

describeWithGateway('a cancel in the middle of a save', () => {
  const saving = (guard: string) => `
    ${work}
    - { id: save, ${guard} uses: actions/cache/save@v5, with: { path: deps, key: k } }
  `;

  it('a cancel does not end a save under always()', async () => {
    await using proxy = await startGatewayProxy();
    const cancel = new AbortController();
    proxy.rule = cancelAt('PutObject', cancel, { kind: 'delay', ms: 500 });
    const result = await lab.steps(saving('if: always(),'), {
      signal: cancel.signal,
      env: { CACHE_S3_ENDPOINT: proxy.endpoint },
    });
    expect(result.conclusion).toBe('cancelled');
    expect(mainOf(result, 'save')).toMatchObject({ outcome: 'success', exit: { code: 0, sent: [] } });
    expect(mainOf(result, 'save').log).toContain('Cache saved with key: k');
    expect(await lab.objects()).toHaveLength(1);
  });

  it('a cancel ends a save without an object or an upload, and the key can be saved later', async () => {
    await using proxy = await startGatewayProxy();
    const cancel = new AbortController();
    proxy.rule = cancelAt('PutObject', cancel, { kind: 'silent' });
    const result = await lab.steps(saving(''), {
      signal: cancel.signal,
      env: { CACHE_S3_ENDPOINT: proxy.endpoint },
    });
    expect(mainOf(result, 'save')).toMatchObject({
      outcome: 'cancelled',
      exit: { code: 130, sent: ['SIGINT'] },
    });
    expect(await lab.objects()).toEqual([]);
    expect(await lab.bucket.uploads(lab.prefix)).toEqual([]);

    const next = await lab.steps(saving(''), { machine: await lab.newMachine() });
    expect(mainOf(next, 'save').log).toContain('Cache saved with key: k');
    expect(existsSync(path.join(lab.machine.workspace, 'deps/a'))).toBe(true);
  });
});
