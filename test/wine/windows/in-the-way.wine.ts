import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs/promises';
import { expect, onTestFinished, test } from 'vitest';
import { incompressible } from '../../support/random.ts';
import { expectResult, Job } from '../job.ts';
import { describeStores, type StoreInputs } from '../stores.ts';

/** Saves a tree, and returns a job that has another content under the same names. */
async function jobWithOldFiles(
  inputs: StoreInputs,
  names: readonly string[],
): Promise<{ from: Job; to: Job }> {
  const [from, to] = [new Job(inputs), new Job(inputs)];
  const files = (content: string) =>
    Object.fromEntries(names.map(name => [`tree/${name}`, `${content} of ${name}`]));
  await from.build(files('new content'));
  expectResult(await from.save({ key: 'k' }), 'saved');
  await to.build(files('old'));
  return { from, to };
}

/** Starts a program that runs until the end of the test. */
async function start(program: string, args: readonly string[], cwd: string): Promise<ChildProcess> {
  const child = spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'ignore'] });
  onTestFinished(async () => {
    child.kill();
    await once(child, 'close');
  });
  await once(child.stdout!, 'data');
  return child;
}

const waits = ['-e', 'console.log(1); setInterval(() => {}, 1000)'];

describeStores(store => {
  test('a restore replaces read-only files', async () => {
    const { from, to } = await jobWithOldFiles(await store.open(), ['a', 'b/c', 'd']);
    for (const name of ['tree/a', 'tree/b/c']) await fs.chmod(to.at(name), 0o444);
    expectResult(await to.restore({ key: 'k' }), 'hit');
    expect(await to.tree()).toEqual(await from.tree());
  });

  test('a restore replaces a file that another process has open', async () => {
    const { from, to } = await jobWithOldFiles(await store.open(), ['a', 'b/c']);
    const open = await fs.open(to.at('tree/b/c'));
    onTestFinished(() => open.close());
    expectResult(await to.restore({ key: 'k' }), 'hit');
    expect(await fs.readFile(to.at('tree/b/c'))).toEqual(await fs.readFile(from.at('tree/b/c')));
    expect(Object.keys(await to.tree())).toEqual(Object.keys(await from.tree()));
  });

  test('a restore replaces a program that runs', async () => {
    const { from, to } = await jobWithOldFiles(await store.open(), ['bin/tool.exe', 'bin/z']);
    await fs.copyFile(process.execPath, to.at('tree/bin/tool.exe'));
    await start(to.at('tree/bin/tool.exe'), waits, to.workspace);
    expectResult(await to.restore({ key: 'k' }), 'hit');
    expect(await fs.readFile(to.at('tree/bin/tool.exe'))).toEqual(
      await fs.readFile(from.at('tree/bin/tool.exe')),
    );
    expect(await fs.readFile(to.at('tree/bin/z'), 'utf8')).toBe('new content of bin/z');
  });

  test('a restore works in a directory that another process has as current one', async () => {
    const { from, to } = await jobWithOldFiles(await store.open(), ['b/c']);
    await start(process.execPath, waits, to.at('tree/b'));
    expectResult(await to.restore({ key: 'k' }), 'hit');
    expect(await to.tree()).toEqual(await from.tree());
  });

  test('three restores of the same cache at once leave it whole', async () => {
    const inputs = await store.open();
    const [from, to] = [new Job(inputs), new Job(inputs)];
    await from.build(
      Object.fromEntries(
        Array.from({ length: 60 }, (_, index) => [`tree/${index}`, incompressible(50_000, `${index}`)]),
      ),
    );
    expectResult(await from.save({ key: 'k' }), 'saved');
    const phases = await Promise.all([1, 2, 3].map(() => to.restore({ key: 'k' })));
    for (const phase of phases) expectResult(phase, 'hit');
    expect(await to.tree()).toEqual(await from.tree());
  });
});
