import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { repositoryFile } from '../support/checkout.ts';
import { gateway } from '../support/gateway/shared-gateway.ts';
import { mainOf, postOf, warningsOf } from '../support/runner/results.ts';
import { buildTree, describeTree } from '../support/tree.ts';
import { describeWithGateway, type Machine, useLab } from './support/lab.ts';

const lab = useLab();

async function run(machine: Machine, name: string, peer: string) {
  await buildTree(machine.workspace, { 'package-lock.json': '{}' });
  const workflow = await readFile(repositoryFile(`test/e2e/workflows/${name}.yml`), 'utf8');
  const { hostname, port } = new URL(gateway().endpoint);
  const { bucket, accessKey, secretKey } = lab.bucket.access;
  const switched = workflow.replace(`uses: ${peer}`, 'uses: your-org/cache-s3@v0');
  expect(switched).not.toBe(workflow);
  return lab.run({
    text: switched,
    machine,
    // The workflow of actions/cache does not name the bucket: the fleet's runners do
    env: name === 'actions-cache' ? lab.fleet : { CACHE_S3_PREFIX: lab.prefix },
    vars: { HOST: hostname, PORT: port, BUCKET: bucket },
    secrets: { ACCESS_KEY: accessKey, SECRET_KEY: secretKey },
    actions: { 'actions/checkout': repositoryFile('test/e2e/support/actions/checkout') },
  });
}

describeWithGateway('a workflow of which only `uses` is changed', () => {
  it.each([
    ['actions-cache', 'actions/cache@v5'],
    ['tespkg', 'tespkg/actions-cache@v1'],
  ])(
    'a workflow of %s succeeds without a warning, with an empty and with a filled cache',
    async (name, peer) => {
      const cold = await run(lab.machine, name, peer);
      expect(cold.conclusion).toBe('success');
      expect(mainOf(cold, 'install').outcome).toBe('success');
      expect(postOf(cold, 'cache-npm').log).toContain('Cache saved with key: ');
      const machine = await lab.newMachine();
      const warm = await run(machine, name, peer);
      expect(warm.conclusion).toBe('success');
      expect(mainOf(warm, 'install').outcome).toBe('skipped');
      expect([...warningsOf(cold), ...warningsOf(warm)]).toEqual([]);
      expect(await describeTree(path.join(machine.home, '.npm'))).toEqual(
        await describeTree(path.join(lab.machine.home, '.npm')),
      );
      expect(Object.keys(await describeTree(path.join(machine.workspace, 'node_modules')))).toEqual([
        'left-pad',
        'left-pad/index.js',
      ]);
    },
  );
});
