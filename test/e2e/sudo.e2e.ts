import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { giveAway, unprivileged } from '../support/drop-privileges.ts';
import { startGatewayProxy } from '../support/gateway/shared-gateway.ts';
import { requires, root } from '../support/platform-needs.ts';
import { incompressible } from '../support/random.ts';
import { mainOf, warningsOf } from '../support/runner/results.ts';
import { workflowOf } from '../support/runner/workflow-text.ts';
import { cancelAt } from '../support/servers/fault-proxy.ts';
import { buildTree, deleteTree, describeTree } from '../support/tree.ts';
import { describeWithGateway, useLab } from './support/lab.ts';
import { runWithSudo, type SudoSandboxOptions, withSudo } from './support/sudo-sandbox.ts';

const lab = useLab();
/** Runs one step of this action as an ordinary user with sudo. */
async function runStepWithSudo(
  half: 'restore' | 'save',
  cachedPath: string,
  options: Partial<SudoSandboxOptions> = {},
) {
  const { workspace, home } = lab.machine;
  const bin = path.join(path.dirname((await lab.newMachine('plain')).home), 'bin');
  await mkdir(bin);
  const inputs = `path: '${cachedPath}', key: k, sudo: true`;
  return runWithSudo({
    text: workflowOf(`- { id: ${half}, uses: your-org/cache-s3/${half}@v0, with: { ${inputs} } }`),
    workspace,
    home,
    bin,
    actions: { 'your-org/cache-s3': lab.actionDir },
    ...options,
    env: { ...lab.fleet, ...options.env },
  });
}

describeWithGateway('sudo: true', () => {
  it('a cancel ends a save under sudo at once and leaves no upload', withSudo, async () => {
    const store = path.join(lab.root, `store-${lab.prefix}`);
    await buildTree(store, { big: { content: incompressible(40_000_000), mode: 0o400 } });
    await using proxy = await startGatewayProxy();
    const cancel = new AbortController();
    proxy.rule = cancelAt('UploadPart', cancel, { kind: 'silent' });
    const result = await runStepWithSudo('save', store, {
      env: { CACHE_S3_ENDPOINT: proxy.endpoint },
      signal: cancel.signal,
      // A cancelled save ends within 5 s: SIGTERM would follow after that
      grace: { interruptMs: 5000, terminateMs: 1000 },
    });
    expect(mainOf(result, 'save')).toMatchObject({
      outcome: 'cancelled',
      exit: { code: 130, sent: ['SIGINT'] },
    });
    expect(mainOf(result, 'save').log).toContain('the step was cancelled');
    expect(await lab.bucket.uploads(lab.prefix)).toEqual([]);
    expect(await lab.objects()).toEqual([]);
  });

  it('a restore under sudo replaces files that a container left as root', withSudo, async () => {
    const registry = path.join(lab.machine.home, 'registry');
    await giveAway(await buildTree(registry, { 'src/lib.rs': 'whole' }));
    const saved = await describeTree(registry, { owners: true });
    await runStepWithSudo('save', '~/registry');
    await deleteTree(registry);
    await buildTree(registry, { 'src/lib.rs': { content: 'of root', mode: 0o600 } });
    expect(warningsOf(await runStepWithSudo('restore', '~/registry'))).toEqual([]);
    expect(await describeTree(registry, { owners: true })).toEqual(saved);
  });

  it('a refusal of sudo is one warning and a miss', requires(root), async () => {
    const result = await lab.steps(
      '- { id: restore, uses: your-org/cache-s3/restore@v0, with: { path: deps, key: k, sudo: true } }',
      unprivileged(),
    );
    expect(result.conclusion).toBe('success');
    expect(mainOf(result, 'restore').warnings).toEqual([
      expect.stringMatching(/^Input 'sudo' is true, but sudo refused \(.*\), so the cache is not restored: /),
    ]);
  });
});
