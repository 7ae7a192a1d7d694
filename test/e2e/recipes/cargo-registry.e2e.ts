import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { giveAway } from '../../support/drop-privileges.ts';
import { requires, root } from '../../support/platform-needs.ts';
import type { Leg } from '../../support/runner/model.ts';
import { mainOf, warningsOf } from '../../support/runner/results.ts';
import { buildTree, describeTree } from '../../support/tree.ts';
import { describeWithGateway, useLab } from '../support/lab.ts';
import { runRecipe } from '../support/recipe.ts';

const lab = useLab();

/** Sixty crates: a tarball and four extracted files each. */
const files = Object.fromEntries(
  Array.from({ length: 60 }, (_, crate) => {
    const name = `crate${crate}-1.0.${crate}`;
    const texts = ['Cargo.toml', 'src/lib.rs', 'src/main.rs', '.cargo-ok'].map(
      file => [`src/index.crates.io/${name}/${file}`, `${name} ${file}\n`.repeat(50 + crate)] as const,
    );
    return [...texts, [`cache/index.crates.io/${name}.crate`, `tarball of ${name}\n`.repeat(200)] as const];
  }).flat(),
);
const sums = Object.entries(files)
  .map(([name, text]) => `${createHash('sha256').update(text).digest('hex')}  ${name}\n`)
  .join('');

/** Uses the registry without a download, as cargo does, and fails if a file is missing or torn. */
const cargo = 'cd "$HOME/.cargo/registry" && sha256sum --quiet --strict -c "$GITHUB_WORKSPACE/Cargo.lock"';

/** Makes sixteen workspaces with one home directory. */
async function runners() {
  const { home } = await lab.newMachine();
  const workspaces = new Map<unknown, string>();
  for (let shard = 1; shard <= 16; shard++) {
    const { workspace } = await lab.newMachine();
    await giveAway(await buildTree(workspace, { 'Cargo.lock': sums }));
    workspaces.set(shard, workspace);
  }
  return {
    home,
    registry: path.join(home, '.cargo/registry'),
    workspace: ({ matrix }: Leg) => workspaces.get(matrix.shard ?? 1)!,
  };
}

/** Saves the cache as an earlier run. */
async function seed(): Promise<void> {
  const { home, workspace } = lab.machine;
  await buildTree(path.join(home, '.cargo/registry'), files);
  await writeFile(path.join(workspace, 'Cargo.lock'), sums);
  const result = await lab.steps(`
    - id: cache
      uses: your-org/cache-s3/save@v0
      with:
        path: ~/.cargo/registry
        key: \${{ runner.os }}-cargo-registry-\${{ hashFiles('**/Cargo.lock') }}
  `);
  expect(mainOf(result, 'cache').log).toContain('Cache saved');
}

describeWithGateway('recipe: one cargo registry under sixteen runners', () => {
  it('sixteen jobs at once repair a damaged registry while it is read', async () => {
    await seed();
    const { home, registry, workspace } = await runners();
    // A crate that is not extracted, one that is extracted in part, and a torn file
    const names = Object.keys(files);
    const lost = new Set(
      names.filter(name => name.includes('/crate7-') || /crate[1-3]\d-.*lib\.rs/.test(name)),
    );
    const torn = 'src/index.crates.io/crate5-1.0.5/src/lib.rs';
    const whole = names.filter(name => !lost.has(name) && name !== torn);
    await buildTree(registry, Object.fromEntries(whole.map(name => [name, files[name]!])));
    await writeFile(path.join(registry, torn), files[torn]!.slice(0, 30));
    await giveAway(home);

    const reading = new AbortController();
    const reader = readWhile(reading.signal, registry, whole);
    const result = await runRecipe(lab, 'cargo-registry', { home, workspace, tools: { cargo } });
    reading.abort();
    const { rounds, damage } = await reader;

    expect(result.jobs.map(({ conclusion }) => conclusion)).toEqual(Array(16).fill('success'));
    expect(warningsOf(result)).toEqual([]);
    for (const { name } of result.jobs)
      expect(mainOf(result, 'cache', name).outputs['cache-hit']).toBe('true');
    expect(damage).toEqual([]);
    expect(rounds).toBeGreaterThan(0);
    expect(await describeTree(registry)).toEqual(
      await describeTree(path.join(lab.machine.home, '.cargo/registry')),
    );
  });

  it('a warning names files that a container left as root, and no job fails', requires(root), async () => {
    await seed();
    const { home, registry, workspace } = await runners();
    await mkdir(registry, { recursive: true });
    await giveAway(home);
    const left = path.join(registry, 'src/index.crates.io');
    await buildTree(left, { 'crate5-1.0.5/src/lib.rs': 'of root' });
    const before = await describeTree(registry, { owners: true });
    const result = await runRecipe(lab, 'cargo-registry', {
      home,
      workspace,
      // The registry is not whole: cargo would download the missing files
      tools: { cargo: ':' },
    });
    expect(result.conclusion).toBe('success');
    for (const { name } of result.jobs) {
      const { warnings, outputs } = mainOf(result, 'cache', name);
      expect(warnings).toEqual([
        expect.stringMatching(/\.cargo\/registry\/src.*belongs to user 0.*sudo: true/),
      ]);
      expect(outputs['cache-hit']).toBe('false');
    }
    expect(await describeTree(registry, { owners: true })).toEqual(before);
  });
});

/** Reads these files in a loop. `damage` has the names of files with other content. */
async function readWhile(signal: AbortSignal, registry: string, names: readonly string[]) {
  const damage: string[] = [];
  let rounds = 0;
  while (!signal.aborted) {
    for (const name of names) {
      const text = await readFile(path.join(registry, name), 'utf8').catch(String);
      if (text !== files[name]) damage.push(name);
    }
    rounds += 1;
    await delay(50);
  }
  return { rounds, damage };
}
