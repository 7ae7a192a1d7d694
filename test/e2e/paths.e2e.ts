import { mkdir, symlink } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { closingFields, mainOf, warningsOf } from '../support/runner/results.ts';
import { buildTree, describeTree, type TreeSpec } from '../support/tree.ts';
import { describeWithGateway, type Machine, useLab } from './support/lab.ts';

/** The lines of `path`: the entries that they select, and their places on another machine. */

const lab = useLab();

interface Trees {
  readonly workspace?: TreeSpec;
  readonly home?: TreeSpec;
}

/** Saves `lines` on a machine with these trees. Returns the fields of the closing line. */
async function save(trees: Trees, lines: (machine: Machine) => readonly string[]) {
  const machine = await lab.newMachine();
  for (const place of ['workspace', 'home'] as const) await buildTree(machine[place], trees[place] ?? {});
  const result = await step('actions/cache/save@v5', machine, lines(machine));
  expect(warningsOf(result)).toEqual([]);
  return closingFields(mainOf(result, 'cache'))!;
}

/** Restores `lines` on a new machine. Returns the names of its files. */
async function restore(lines: (machine: Machine) => readonly string[], trees: Trees = {}) {
  const machine = await lab.newMachine();
  for (const place of ['workspace', 'home'] as const) await buildTree(machine[place], trees[place] ?? {});
  const result = await step('actions/cache/restore@v5', machine, lines(machine));
  expect(warningsOf(result)).toEqual([]);
  return {
    hit: mainOf(result, 'cache').outputs['cache-hit'] === 'true',
    machine,
    workspace: await filesOf(machine.workspace),
    home: await filesOf(machine.home),
  };
}

function step(uses: string, machine: Machine, lines: readonly string[]) {
  const path = JSON.stringify(lines.join('\n'));
  return lab.steps(`- { id: cache, uses: ${uses}, with: { key: k, path: ${path} } }`, { machine });
}

async function filesOf(root: string): Promise<readonly string[]> {
  const entries = Object.entries(await describeTree(root));
  return entries.filter(([, { type }]) => type !== 'directory').map(([name]) => name);
}

const fixed =
  (...lines: string[]) =>
  () =>
    lines;

describeWithGateway('paths on another machine', () => {
  it('paths below the workspace and the home directory are restored to those of the other machine', async () => {
    const lines = fixed('target', '~/.cargo/registry', '~/file');
    await save({ workspace: { 'target/a': 'a' }, home: { '.cargo/registry/b': 'b', file: 'c' } }, lines);
    const restored = await restore(lines);
    expect(restored).toMatchObject({
      hit: true,
      workspace: ['target/a'],
      home: ['.cargo/registry/b', 'file'],
    });
  });

  it('an absolute path below the home directory equals its spelling with ~ on a machine with another home', async () => {
    await save({ home: { '.local/share/pnpm/store/v10/a': 'a' } }, ({ home }) => [
      `${home}/.local/share/pnpm/store/v10`,
    ]);
    const own = await restore(({ home }) => [`${home}/.local/share/pnpm/store/v10/`]);
    expect(own).toMatchObject({ hit: true, home: ['.local/share/pnpm/store/v10/a'] });
    const tilde = await restore(fixed('~/.local/share/pnpm/store/v10'));
    expect(tilde).toMatchObject({ hit: true, home: ['.local/share/pnpm/store/v10/a'] });
  });

  it('a path outside the workspace and the home directory is restored where it was', async () => {
    const elsewhere = path.join(lab.root, `opt-${lab.prefix}`, 'cargo');
    await buildTree(elsewhere, { 'git/db/a': 'a' });
    await save({}, fixed(elsewhere));
    await buildTree(elsewhere, { 'git/db/a': 'changed' });
    expect(await restore(fixed(elsewhere))).toMatchObject({ hit: true, workspace: [], home: [] });
    expect((await describeTree(elsewhere))['git/db/a']?.size).toBe(1);
  });

  it('a restore follows a symlink of the machine above a path', async () => {
    await save({ home: { '.cargo/registry/a': 'a' } }, fixed('~/.cargo/registry'));
    const machine = await lab.newMachine();
    const real = path.join(lab.root, `real-${lab.prefix}`);
    await mkdir(real);
    await symlink(real, path.join(machine.home, '.cargo'));
    await step('actions/cache/restore@v5', machine, ['~/.cargo/registry']);
    expect(await filesOf(real)).toEqual(['registry/a']);
    expect(await filesOf(machine.home)).toEqual(['.cargo']);
  });

  it('several spellings of a path name the same cache', async () => {
    await save({ workspace: { 'sub/deps/a': 'a' } }, fixed('./sub/../sub/deps/'));
    expect(await restore(fixed('sub/deps'))).toMatchObject({ hit: true });
    expect(await restore(({ workspace }) => [`${workspace}/sub/deps`])).toMatchObject({ hit: true });
  });

  it('a restore with other paths is a miss, and a line gives the reason', async () => {
    await save({ workspace: { 'deps/a': 'a' } }, fixed('deps'));
    const result = await step('actions/cache/restore@v5', lab.machine, ['deps', 'more']);
    expect(mainOf(result, 'cache').outputs['cache-hit']).toBeUndefined();
    expect(mainOf(result, 'cache').log).toContain("The key 'k' exists, but it was saved with other paths");
  });
});

describeWithGateway('exclusions', () => {
  it('lines that start with ! exclude entries inside a directory', async () => {
    const lines = fixed('deps', '!deps/skip', '!deps/**/*.log', '! deps/one/secret');
    const tree = {
      'deps/a': 'a',
      'deps/skip/b': 'b',
      'deps/one/c.log': 'c',
      'deps/one/d': 'd',
      'deps/one/secret': 's',
    };
    await save({ workspace: tree }, lines);
    expect(await restore(lines)).toMatchObject({ hit: true, workspace: ['deps/a', 'deps/one/d'] });
  });

  it('a restore does not touch excluded entries', async () => {
    const lines = fixed('deps', '!deps/local');
    await save({ workspace: { 'deps/a': 'a' } }, lines);
    const restored = await restore(lines, { workspace: { 'deps/local/mine': 'm' } });
    expect(restored.workspace).toEqual(['deps/a', 'deps/local/mine']);
  });

  it('a later line includes an entry below an excluded directory', async () => {
    const lines = fixed('deps', '!deps/skip', 'deps/skip/keep');
    await save({ workspace: { 'deps/skip/keep/a': 'a', 'deps/skip/b': 'b' } }, lines);
    expect((await restore(lines)).workspace).toEqual(['deps/skip/keep/a']);
  });
});

describeWithGateway('patterns', () => {
  it('patterns that overlap store every entry once', async () => {
    const lines = fixed('c/**', 'c', 'c/sub', 'c/*/x', '!c/skip/**');
    const tree = { 'c/a': 'a', 'c/sub/x': 'x', 'c/skip/y': 'y' };
    const { entries, workspace } = await saveAndCount({ workspace: tree }, lines);
    // c, c/a, c/sub and c/sub/x. The pattern does not decide about the empty c/skip
    expect(entries).toBeGreaterThanOrEqual(4);
    expect(entries).toBeLessThanOrEqual(5);
    expect(workspace).toEqual(['c/a', 'c/sub/x']);
  });

  it('wildcards match dotfiles, and a matched directory is saved whole', async () => {
    const lines = fixed('packages/*/node_modules');
    const tree = {
      'packages/a/node_modules/.bin/x': 'x',
      'packages/.b/node_modules/y': 'y',
      'packages/a/z': 'z',
    };
    await save({ workspace: tree }, lines);
    expect((await restore(lines)).workspace).toEqual([
      'packages/.b/node_modules/y',
      'packages/a/node_modules/.bin/x',
    ]);
  });

  it('a pattern of files saves their directories too', async () => {
    const lines = fixed('build/*.o', '~/.config/tool.json');
    await save(
      { workspace: { 'build/a.o': 'a', 'build/a.c': 'c' }, home: { '.config/tool.json': '{}' } },
      lines,
    );
    expect(await restore(lines)).toMatchObject({ workspace: ['build/a.o'], home: ['.config/tool.json'] });
  });

  it('a path may start with a dash', async () => {
    const lines = fixed('-rf', '--checkpoint-action=exec=sh', '-dir/*');
    const tree = { '-rf/a': 'a', '--checkpoint-action=exec=sh': 'b', '-dir/-f': 'c' };
    await save({ workspace: tree }, lines);
    expect((await restore(lines)).workspace).toEqual(['--checkpoint-action=exec=sh', '-dir/-f', '-rf/a']);
  });

  it('the name of the workspace is not read as a wildcard', async () => {
    const machine = await lab.newMachine();
    const odd = { home: machine.home, workspace: path.join(machine.workspace, '[a]*?') };
    await buildTree(odd.workspace, { 'deps/a': 'a' });
    await step('actions/cache/save@v5', odd, ['deps/*']);
    expect((await restore(fixed('deps/*'))).workspace).toEqual(['deps/a']);
  });

  async function saveAndCount(trees: Trees, lines: () => readonly string[]) {
    const machine = await lab.newMachine();
    await buildTree(machine.workspace, trees.workspace ?? {});
    const result = await step('actions/cache/save@v5', machine, lines());
    const entries = Number(/^Saved (\d+) entries/m.exec(mainOf(result, 'cache').log)?.[1]);
    return { entries, workspace: (await restore(lines)).workspace };
  }
});
