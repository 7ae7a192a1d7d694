import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { giveAway } from '../../support/drop-privileges.ts';
import { startGatewayProxy } from '../../support/gateway/shared-gateway.ts';
import type { Leg } from '../../support/runner/model.ts';
import { mainOf, warningsOf } from '../../support/runner/results.ts';
import { buildTree, describeTree } from '../../support/tree.ts';
import { describeWithGateway, type Machine, useLab } from '../support/lab.ts';
import { runRecipe } from '../support/recipe.ts';

const lab = useLab();
const versions = ['3.11', '3.12', '3.13'];

/** Returns a script for python -m venv with the files that the recipe uses. `before` runs first. */
const python = (version: string, before = '') => `
${before}
test "$1 $2 $3" = "-m venv --clear"
mkdir -p "$4/bin" "$4/lib/python${version}"
ln -sf python${version} "$4/bin/python"
echo 'echo installed > "$(dirname "$0")/../lib/python${version}/six.py"' > "$4/bin/pip"
echo 'test -s "$(dirname "$0")/../lib/python${version}/six.py" && echo "${version} passed"' > "$4/bin/pytest"
chmod 0755 "$4/bin/pip" "$4/bin/pytest"
`;
const goodPythons = Object.fromEntries(versions.map(version => [`python${version}`, python(version)]));

/** Makes a machine for each leg of both jobs. */
async function fleet() {
  const machines = new Map<string, Machine>();
  for (const job of ['venv', 'test'])
    for (const version of versions) {
      const machine = await lab.newMachine();
      await giveAway(await buildTree(machine.workspace, { 'requirements.txt': 'six' }));
      machines.set(`${job} ${version}`, machine);
    }
  const of = ({ job, matrix }: Leg) => machines.get(`${job} ${matrix.python ?? versions[0]}`)!;
  return {
    home: (job: string, version: string) => machines.get(`${job} ${version}`)!.home,
    places: { workspace: (leg: Leg) => of(leg).workspace, home: (leg: Leg) => of(leg).home },
  };
}

describeWithGateway('recipe: virtualenv', () => {
  it('a save under always() completes when another leg of the matrix fails and cancels its job', async () => {
    // While 3.11 saves slowly, 3.12 fails. 3.13 is cancelled before its save
    await using proxy = await startGatewayProxy();
    const [saving, over] = ['saving', 'over'].map(name => path.join(lab.root, `${name}-${lab.prefix}`)) as [
      string,
      string,
    ];
    proxy.rule = ({ operation, url }) => {
      if (operation !== 'PutObject' || !url.includes('py3.11')) return undefined;
      writeFileSync(saving, '');
      setTimeout(() => writeFileSync(over, ''), 1000);
      return { kind: 'delay', ms: 1000 };
    };
    const until = (file: string) => `until test -e "${file}"; do sleep 0.02; done`;
    const { places } = await fleet();
    const result = await runRecipe(lab, 'virtualenv', {
      ...places,
      endpoint: proxy.endpoint,
      tools: {
        'python3.11': python('3.11'),
        'python3.12': `${until(saving)}; echo 'no matching distribution'; exit 1`,
        'python3.13': python('3.13', until(over)),
      },
      grace: { interruptMs: 5000, terminateMs: 5000 },
    });
    expect(Object.fromEntries(result.jobs.map(({ name, conclusion }) => [name, conclusion]))).toEqual({
      'venv (3.11)': 'cancelled',
      'venv (3.12)': 'failure',
      'venv (3.13)': 'cancelled',
      test: 'skipped',
    });
    const [save, failed, cancelled] = versions.map(version => mainOf(result, 'save', `venv (${version})`));
    expect(save).toMatchObject({ outcome: 'success', exit: { code: 0, sent: [] } });
    expect(save?.log).toMatch(/^Cache saved with key: venv-\w+-\w+-py3\.11-/m);
    expect([failed?.outcome, cancelled?.outcome]).toEqual(['skipped', 'skipped']);
    expect(await lab.objects()).toEqual([expect.stringContaining('py3.11')]);
    expect(await lab.bucket.uploads(lab.prefix)).toEqual([]);
    expect(existsSync(over)).toBe(true);

    // The next run restores the saved cache and saves the others
    const next = await fleet();
    const again = await runRecipe(lab, 'virtualenv', { ...next.places, tools: goodPythons });
    expect(again.conclusion).toBe('success');
    expect(versions.map(version => mainOf(again, 'create-venv', `venv (${version})`).outcome)).toEqual([
      'skipped',
      'success',
      'success',
    ]);
    for (const version of versions)
      expect(mainOf(again, 'test', `test (${version})`).log).toBe(`${version} passed`);
    expect(await lab.objects()).toHaveLength(3);
    expect(warningsOf(again)).toEqual([]);
    expect(await describeTree(path.join(next.home('test', '3.12'), 'venv'))).toEqual(
      await describeTree(path.join(next.home('venv', '3.12'), 'venv')),
    );
  });
});
