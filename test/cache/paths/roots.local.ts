import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runUnprivileged, unprivilegedDirectory } from '../../support/drop-privileges.ts';
import { posix, requires } from '../../support/platform-needs.ts';

/** The workspace of an ordinary user, with a link into a directory that this user cannot search. */
let root: string;
beforeAll(async () => {
  root = await unprivilegedDirectory();
  const at = (name: string) => path.join(root, name);
  mkdirSync(at('closed/inside'), { recursive: true });
  mkdirSync(at('links'));
  symlinkSync('../closed/inside', at('links/link'));
  writeFileSync(at('links/file'), '');
  chmodSync(at('closed'), 0);
});
afterAll(() => {
  chmodSync(path.join(root, 'closed'), 0o755);
  rmSync(root, { recursive: true, force: true });
});

/** Returns the roots, or the error's message. */
async function rootsOf(pattern: string): Promise<unknown> {
  const code = `
    const { createPathLayout } = await import(${JSON.stringify(new URL('../../../src/cache/paths/paths.ts', import.meta.url))});
    const platformPath = (await import('node:path')).default;
    const [workspace, pattern] = process.argv.slice(1);
    const layout = createPathLayout({ lines: [pattern], workspace, home: '/nowhere', platformPath });
    console.log(JSON.stringify(await layout.roots().catch(error => error.message)));
  `;
  const { stdout, stderr } = await runUnprivileged(['--input-type=module', '-e', code, '--', root, pattern]);
  expect(stderr).toBe('');
  return JSON.parse(stdout.replaceAll(`${root}/`, ''));
}

test.each(['links/*', 'links/l*', 'links/link'])(
  '%s finds a link without reading its target',
  requires(posix),
  async pattern => {
    expect(await rootsOf(pattern)).toContain('links/link');
  },
);

test.each(['links/*/', 'links/*/x', '**/x', 'closed/*', 'closed/inside'])(
  '%s ends with one sentence, since the target of a link cannot be read',
  requires(posix),
  async pattern => {
    expect(await rootsOf(pattern)).toMatch(
      /^the paths of input 'path' cannot be searched \(EACCES: .*\); `sudo: true` reads as root$/,
    );
  },
);
