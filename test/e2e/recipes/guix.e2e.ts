import { chmod, chown, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { repositoryFile } from '../../support/checkout.ts';
import { giveAway } from '../../support/drop-privileges.ts';
import { gateway, startGatewayProxy } from '../../support/gateway/shared-gateway.ts';
import { incompressible } from '../../support/random.ts';
import { closingFields, mainOf, warningsOf } from '../../support/runner/results.ts';
import { buildTree, deleteTree, describeTree } from '../../support/tree.ts';
import { describeWithGateway, useLab } from '../support/lab.ts';
import { runWithSudo, withSudo } from '../support/sudo-sandbox.ts';

const lab = useLab();
const root = { uid: 0, gid: 0 };
/** The group of the store's directory. */
const builders = 30_000;

/** Makes a host with a daemon. Its directories replace the root directory, which tests do not change. */
async function newHost() {
  const machine = await lab.newMachine('plain');
  const directory = path.dirname(machine.home);
  const at = (name: string) => path.join(directory, name);
  const bin = at('bin');
  for (const name of ['bin', 'gnu/store', 'var/guix/db']) await mkdir(at(name), { recursive: true });
  await chown(at('gnu/store'), root.uid, builders);
  await chmod(at('gnu/store'), 0o1775);
  await writeFile(at('daemon'), 'started');
  const tools = {
    // Runs by sudo as root
    systemctl: `test "$2" = guix-daemon && echo "$1ed" | sed s/stoped/stopped/ > "${at('daemon')}"`,
    guix: `
grep -q started "${at('daemon')}"
if ! sudo grep -qs hello "${at('var/guix/db/db.sqlite')}"; then
  echo "downloading hello"
  sudo daemon-build
fi
test -x "${at('gnu/store/abc-hello-2.12/bin/hello')}"`,
    'daemon-build': `
cp -a "${at('prepared')}"/gnu/store/. "${at('gnu/store')}"
cp -a "${at('prepared')}"/db/. "${at('var/guix/db')}"`,
  };
  for (const [name, script] of Object.entries(tools))
    await writeFile(path.join(bin, name), `#!/bin/sh\nset -e\n${script}\n`, { mode: 0o755 });
  await buildTree(machine.workspace, { 'guix.scm': 'hello', '.github/workflows/guix.yml': 'this file' });
  await giveAway(machine.workspace);
  return { ...machine, bin, at, store: at('gnu/store'), database: at('var/guix/db') };
}
type Host = Awaited<ReturnType<typeof newHost>>;

/** Prepares the daemon's build: strict modes, other owners, unusual times, hard links. */
async function prepareBuild(host: Host) {
  const item = 'gnu/store/abc-hello-2.12';
  await buildTree(host.at('prepared'), {
    [item]: { directory: true, mode: 0o555, mtime: 1_000_000 },
    [`${item}/bin`]: { directory: true, mode: 0o555, mtime: 1_000_000 },
    [`${item}/bin/hello`]: { content: '#!/bin/sh\necho hello\n', mode: 0o555, mtime: 1_000_000 },
    [`${item}/share/data`]: { content: incompressible(3_000_000), mode: 0o444, mtime: 1_000_000 },
    [`${item}/share/same`]: { hardlink: `${item}/share/data` },
    [`${item}/share/link`]: { symlink: '../bin/hello', mtime: 1_234_567 },
    'gnu/store/.links': { directory: true, mode: 0o700 },
    'db/db.sqlite': { content: 'hello', mode: 0o600, mtime: 1_700_000_000_123_456 },
    'db/big-lock': { content: '', mode: 0o600 },
  });
  await chown(host.at('prepared/gnu/store/.links'), root.uid, builders);
  await chown(host.at('prepared/db/big-lock'), builders, builders);
}

/** Runs the recipe, with other directories in place of the root directory's. */
async function run(host: Host, endpoint = gateway().endpoint) {
  const recipe = await readFile(repositoryFile('docs/recipes/guix.yml'), 'utf8');
  const { bucket, accessKey, secretKey } = lab.bucket.access;
  return runWithSudo({
    text: recipe.replaceAll('/gnu/store', host.store).replaceAll('/var/guix/db', host.database),
    workspace: host.workspace,
    home: host.home,
    bin: host.bin,
    vars: { CACHE_ENDPOINT: endpoint, CACHE_BUCKET: bucket },
    secrets: { CACHE_ACCESS_KEY: accessKey, CACHE_SECRET_KEY: secretKey },
    actions: {
      'actions/checkout': repositoryFile('test/e2e/support/actions/checkout'),
      'your-org/cache-s3': lab.actionDir,
    },
    env: { PATH: `${host.bin}:${process.env.PATH}`, CACHE_S3_PREFIX: lab.prefix },
  });
}

/** Describes both trees and their roots. Staging would be an entry. */
const trees = async ({ store, database }: Host) => ({
  store: await describeTree(store, { owners: true, root: true }),
  database: await describeTree(database, { owners: true, root: true }),
});

describeWithGateway('recipe: Guix', () => {
  it('a restore keeps owners, modes and times of root-owned trees', withSudo, async () => {
    const host = await newHost();
    await prepareBuild(host);
    const first = await run(host);
    expect(first.conclusion).toBe('success');
    expect(mainOf(first, 'build').log).toBe('downloading hello');
    expect(closingFields(mainOf(first, 'save'))).toMatchObject({ source: 's3', result: 'saved' });
    const saved = await trees(host);

    // The substitute servers are down: without `prepared` no build succeeds
    for (const name of ['prepared', 'gnu/store', 'var/guix/db']) await deleteTree(host.at(name));
    const second = await run(host);
    expect(second.conclusion).toBe('success');
    expect(mainOf(second, 'restore').outputs['cache-hit']).toBe('true');
    expect(mainOf(second, 'build').log).toBe('');
    expect(mainOf(second, 'save').outcome).toBe('skipped');
    expect(await trees(host)).toEqual(saved);
    expect(await readFile(host.at('daemon'), 'utf8')).toBe('started\n');
    expect([...warningsOf(first), ...warningsOf(second)]).toEqual([]);
  });

  it('a job with an edited workflow restores the last store and saves again', withSudo, async () => {
    const host = await newHost();
    await prepareBuild(host);
    await run(host);
    await writeFile(path.join(host.workspace, '.github/workflows/guix.yml'), 'edited');
    const result = await run(host);
    expect(mainOf(result, 'restore').outputs['cache-hit']).toBe('false');
    expect(mainOf(result, 'build').log).toBe('');
    expect(closingFields(mainOf(result, 'save'))).toMatchObject({ result: 'saved' });
    expect(await lab.objects()).toHaveLength(2);
  });

  it('a restore that fails does not change the store', withSudo, async () => {
    const host = await newHost();
    await prepareBuild(host);
    await run(host);
    for (const name of ['prepared', 'gnu/store', 'var/guix/db']) await deleteTree(host.at(name));
    await buildTree(host.store, { 'old-item': 'old' });
    await buildTree(host.database, { 'db.sqlite': 'old' });
    const before = await trees(host);
    await using proxy = await startGatewayProxy();
    let begun = false;
    proxy.rule = ({ operation, range = '' }) => {
      if (operation !== 'GetObject' || range.startsWith('bytes=-')) return undefined;
      if (begun) return { kind: 'answer', status: 503 };
      begun = true;
      return { kind: 'cut', afterBytes: 1_000_000 };
    };
    // The substitute servers are down, so the job's build fails
    const result = await run(host, proxy.endpoint);
    expect(begun).toBe(true);
    expect(mainOf(result, 'restore').outcome).toBe('success');
    expect(mainOf(result, 'restore').outputs['cache-hit']).toBe('false');
    expect(mainOf(result, 'build').outcome).toBe('failure');
    expect(await trees(host)).toEqual(before);
    expect(await readFile(host.at('daemon'), 'utf8')).toBe('started\n');
    expect(await lab.objects()).toHaveLength(1);
  });
});
