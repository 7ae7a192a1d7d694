import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { posix, requires, root } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';

const module = new URL('../../../src/action/run/run-context.ts', import.meta.url);
const code = `
  const { readRunContext } = await import(${JSON.stringify(module)});
  const { home, workspace } = readRunContext(process.env);
  console.log(JSON.stringify({ home, workspace }));
`;
const args = ['--input-type=module', '-e', code];
function placesOf(
  env: Record<string, string>,
  options: { readonly uid?: number; readonly cwd?: string } = {},
) {
  const { stdout, stderr } = spawnSync(process.execPath, args, { env, encoding: 'utf8', ...options });
  expect(stderr).toBe('');
  return JSON.parse(stdout) as { home: string; workspace: string };
}

test(
  'a user without HOME and without an entry in passwd has the root as home directory',
  requires(root),
  () => {
    expect(placesOf({}, { uid: 54_321, cwd: '/' })).toEqual({ home: '/', workspace: '/' });
    expect(placesOf({ HOME: 'relative' }, { uid: 54_321, cwd: '/' }).home).toBe('/');
    expect(placesOf({ HOME: '/somewhere' }, { uid: 54_321, cwd: '/' }).home).toBe('/somewhere');
  },
);

test.each([
  ['is not set', {}],
  ['is empty', { HOME: '' }],
  ['is relative', { HOME: 'home/me' }],
  ['is a tilde', { HOME: '~' }],
])('the home directory is that of passwd if HOME %s', requires(posix), (_, env) => {
  expect(placesOf(env as Record<string, string>).home).toBe(userInfo().homedir);
});

test('a current directory that has been deleted leaves the root as workspace', requires(posix), () => {
  const script = path.join(scratch(), 'script.mjs');
  writeFileSync(script, code);
  const workspaceOf = (env: Record<string, string>) => {
    const gone = scratch();
    const command = ['-c', 'cd "$1"; rmdir "$1"; shift; exec "$@"', 'sh', gone, process.execPath, script];
    const { stdout } = spawnSync('/bin/sh', command, { env: { PATH: process.env.PATH ?? '', ...env } });
    return JSON.parse(stdout.toString()).workspace;
  };
  expect(workspaceOf({})).toBe('/');
  expect(workspaceOf({ GITHUB_WORKSPACE: '/w/app' })).toBe('/w/app');
});
