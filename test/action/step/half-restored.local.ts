import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { giveAway, unprivileged } from '../../support/drop-privileges.ts';
import { posix, requires } from '../../support/platform-needs.ts';
import { at, namesInTemp, phase, usePhases } from './phase-process.ts';

usePhases();

const FILES = 100;

/** Code that runs instead of the rename number `count` into the tree. */
const atRename = (count: number, code: string) => `
  import fs from 'node:fs';
  import { syncBuiltinESMExports } from 'node:module';
  const { renameSync } = fs;
  let count = 0;
  fs.renameSync = (from, to) => {
    if (!String(to).includes('.cache-s3-') && String(to).includes('/deps/') && ++count === ${count}) { ${code} }
    return renameSync(from, to);
  };
  syncBuiltinESMExports();
`;
const killedAt = (count: number) => atRename(count, "process.kill(process.pid, 'SIGKILL');");
const failingAt = (count: number) =>
  atRename(count, "throw Object.assign(new Error('EIO'), { code: 'EIO', path: to });");

const skipped = 'Cache not saved: these paths were restored only in part.';

function write(workspace: string, content: string): void {
  for (let index = 0; index < FILES; index++) {
    const file = at(workspace, 'deps', `d${index % 7}`, String(index));
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
}

function contents(workspace: string): Record<string, number> {
  const found: Record<string, number> = {};
  const tree = at(workspace, 'deps');
  for (const entry of readdirSync(tree, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.parentPath.includes('.cache-s3-')) continue;
    const text = readFileSync(path.join(entry.parentPath, entry.name), 'utf8');
    found[text] = (found[text] ?? 0) + 1;
  }
  return found;
}

// A rename cannot be replaced by a kill at once on Windows
describe('a restore that ends inside its commit', requires(posix), () => {
  beforeEach(async () => {
    rmSync(at('one/deps'), { recursive: true });
    write('one', 'new');
    await phase('save-only');
    write('two', 'old');
  });

  const restore = (preload?: string, inputs: Record<string, string> = {}) =>
    phase('restore-only', { workspace: 'two', inputs, ...(preload === undefined ? {} : { preload }) });
  const save = (inputs: Record<string, string> = {}) =>
    phase('save-only', { workspace: 'two', inputs: { key: 'k2', ...inputs } });

  test.each([1, 30])('by SIGKILL before rename %i lets no save of the job store the mixture', async count => {
    expect((await restore(killedAt(count))).code).toBeNull();
    expect(contents('two').new ?? 0).toBe(count - 1);
    expect((await save()).log).toContain(skipped);
    expect((await save({ path: 'deps/d0' })).log, 'a directory in it').toContain(skipped);
    expect((await save({ path: '.' })).log, 'a directory around it').toContain(skipped);
    expect((await save({ path: 'deps/**/1*' })).log, 'a wildcard in it').toContain(skipped);
    const post = await phase('main', { workspace: 'two', inputs: { key: 'k3' } });
    expect((await phase('post', { workspace: 'two', state: post.state })).log).toContain(skipped);
  });

  test.each<[string, string, string]>([
    ['a link to the directory', 'two', 'link/deps'],
    ['a link that is a path itself', 'two', 'alias'],
    ['the home directory around the workspace', 'home/work', '~'],
    ['a directory above the workspace', 'two', '..'],
  ])(
    'by SIGKILL lets no save of the job store the mixture by the path of %s',
    async (_, workspace, given) => {
      write(workspace, 'old');
      symlinkSync('.', at(workspace, 'link'));
      symlinkSync('deps', at(workspace, 'alias'));
      await phase('restore-only', { workspace, preload: killedAt(2) });
      const { log } = await phase('save-only', { workspace, inputs: { key: 'k2', path: given } });
      expect(log).toContain(skipped);
    },
  );

  test('by SIGKILL lets the job save other paths', async () => {
    await restore(killedAt(2));
    mkdirSync(at('two/dep'));
    writeFileSync(at('two/dep/x'), 'x');
    expect((await save({ path: 'dep' })).log).toContain('Cache saved with key: k2');
  });

  test('by SIGKILL lets the job save its paths after a full restore', async () => {
    await restore(killedAt(2));
    await restore();
    expect(contents('two')).toEqual({ new: FILES });
    expect((await save()).log).toContain('Cache saved with key: k2');
    expect(namesInTemp()).toEqual([]);
  });

  test('by an error lets no save of the job store the mixture', async () => {
    const { log } = await restore(failingAt(5));
    expect(log).toContain('Cache restored only in part: ');
    expect((await save()).log).toContain(skipped);
  });

  test('by a full disk, which has room for the record only without the staging, lets no save store the mixture', async () => {
    const full = `
      const { openSync } = fs;
      let failed = false;
      fs.openSync = (file, ...rest) => {
        if (!failed && String(file).includes('cache-s3-half-') && rest[0] & fs.constants.O_CREAT) {
          failed = true;
          throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
        }
        return openSync(file, ...rest);
      };
      syncBuiltinESMExports();
    `;
    const { log } = await restore(failingAt(5) + full);
    expect(log).toContain('Cache restored only in part: ');
    expect((await save()).log).toContain(skipped);
  });

  describe('of a user who cannot write to RUNNER_TEMP', () => {
    const asUser = unprivileged();
    const readOnly = `fs.chmodSync(process.env.RUNNER_TEMP, 0o555);`;
    const main = async (preload: string) => {
      await giveAway(at('.'));
      const inputs = { key: 'k2', 'restore-keys': 'k1' };
      return phase('main', { ...asUser, workspace: 'two', inputs, preload: preload + readOnly });
    };
    const warning = /^::warning::The paths of this step were restored only in part, and RUNNER_TEMP /m;

    test('by an error warns that another save would store the mixture, and its own post phase stores nothing', async () => {
      const { log, state } = await main(failingAt(5));
      expect(log).toContain('Cache restored only in part: ');
      expect(log).toMatch(warning);
      const post = await phase('post', { ...asUser, workspace: 'two', state });
      expect(post.log).toContain('Cache not saved: the restore did not finish.');
    });

    test('by an error before any change gives no warning of it, nor does a whole restore', async () => {
      const failed = await main(failingAt(1));
      expect(failed.log).toContain('Cache not restored: ');
      const whole = await main(failingAt(FILES + 1));
      expect(whole.log).toContain('Cache restored from key: k1');
      expect(failed.log + whole.log).not.toMatch(warning);
    });
  });

  test('by an error before any change lets the job save its paths', async () => {
    const { log } = await restore(failingAt(1));
    expect(log).toContain('Cache not restored: ');
    expect(contents('two')).toEqual({ old: FILES });
    expect((await save()).log).toContain('Cache saved with key: k2');
  });

  test('by an error before any change keeps the record of an earlier one', async () => {
    await restore(killedAt(2));
    await restore(failingAt(1));
    expect((await save()).log).toContain(skipped);
  });

  test('by SIGINT in a commit that takes long lets no save of the job store the mixture', async () => {
    const interrupt = atRename(2, "process.kill(process.pid, 'SIGINT');");
    const slow = `
      import fs from 'node:fs';
      import { syncBuiltinESMExports } from 'node:module';
      const { renameSync } = fs;
      fs.renameSync = (from, to) => {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
        return renameSync(from, to);
      };
      syncBuiltinESMExports();
    `;
    const { code, log } = await restore(`${slow}\n{ ${interrupt.replace(/import [^;]*;/g, '')} }`);
    expect(log).toContain(
      'Cache restored only in part: the step was cancelled while files were replaced; the next restore completes the tree',
    );
    expect(code).toBe(130);
    const { old = 0, new: replaced = 0 } = contents('two');
    expect([old > 0, replaced > 1, old + replaced]).toEqual([true, true, FILES]);
    expect((await save()).log).toContain(skipped);
  });

  test('by SIGINT in a commit that takes little time leaves the whole tree, which can be saved', async () => {
    const { code } = await restore(atRename(2, "process.kill(process.pid, 'SIGINT');"));
    // The process may end before it handles the signal
    expect([0, 130]).toContain(code);
    expect(contents('two')).toEqual({ new: FILES });
    expect((await save()).log).toContain('Cache saved with key: k2');
  });

  test('is still known after a lookup and a miss', async () => {
    await restore(killedAt(2));
    await restore(undefined, { 'lookup-only': 'true' });
    await restore(undefined, { key: 'k9' });
    expect((await save()).log).toContain(skipped);
  });
});
