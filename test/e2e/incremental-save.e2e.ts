import { execFileSync } from 'node:child_process';
import { readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { ballast } from '../storage/incremental/jobs.ts';
import { buildTree, describeTree } from '../support/tree.ts';
import { describeWithGateway, useLab } from './support/lab.ts';

const lab = useLab();

const restore = { action: 'restore/action.yml', entry: 'main' } as const;
const save = { action: 'save/action.yml', entry: 'main' } as const;

describeWithGateway('an incremental save', () => {
  it('save/ copies unchanged bytes in the gateway after restore/ of the same job restored another key', async () => {
    const [one, two, three] = [
      lab.machine.workspace,
      (await lab.newMachine()).workspace,
      (await lab.newMachine()).workspace,
    ];
    // save/ finds the record of restore/ in the job's RUNNER_TEMP
    const temp = path.join(lab.root, `temp-${lab.prefix}`);
    const env = { RUNNER_TEMP: temp };
    const inputs = { path: 'tree', 'use-fallback': 'false' };
    await buildTree(one, { ...ballast, 'tree/a': 'first', 'tree/gone': 'soon' });
    const first = await lab.runAction({ ...save, workspace: one, inputs: { ...inputs, key: 'dist-1' } });
    expect(first.stdout).toMatch(/^Cache saved with key: dist-1$/m);

    const partial = await lab.runAction({
      ...restore,
      workspace: two,
      env,
      inputs: { ...inputs, key: 'dist-2', 'restore-keys': 'dist-' },
    });
    expect(partial.stdout).toMatch(/^Cache restored from key: dist-1$/m);
    expect(await recordsIn(temp)).toEqual([expect.stringMatching(/^cache-s3-tree-[0-9a-f]{64}$/)]);
    await writeFile(path.join(two, 'tree/a'), 'second');
    await rm(path.join(two, 'tree/gone'));
    const saved = await describeTree(two);
    const second = await lab.runAction({
      ...save,
      workspace: two,
      env,
      inputs: { ...inputs, key: 'dist-2' },
    });
    expect(second.stdout).toMatch(/^Saved .* stored, [\d.]+ MB of it copied, in /m);
    expect(second.stdout).toMatch(/^cache-s3: op=save source=s3 result=saved .* reused=\d+$/m);
    expect(second.stdout).not.toContain('::warning');

    const temp3 = path.join(lab.root, `temp3-${lab.prefix}`);
    const hit = await lab.runAction({
      ...restore,
      workspace: three,
      env: { RUNNER_TEMP: temp3 },
      inputs: { ...inputs, key: 'dist-2' },
    });
    expect(hit.stdout).toMatch(/^Cache restored from key: dist-2$/m);
    expect(await describeTree(three)).toEqual(saved);
    expect(await recordsIn(temp3)).toEqual([]);

    const [name] = (await lab.objects()).filter(object => object.includes('/dist-2/'));
    const listing = execFileSync('bash', ['-o', 'pipefail', '-c', 'zstd -dc | tar -tf -'], {
      input: await lab.bucket.read(name!),
      encoding: 'utf8',
    });
    expect(listing.split('\n').filter(line => line === './tree/a')).toHaveLength(2);
  });
});

/** Returns the names of the files that steps left in RUNNER_TEMP for later steps. */
async function recordsIn(temp: string): Promise<readonly string[]> {
  return (await readdir(temp)).filter(name => name.startsWith('cache-s3-'));
}
