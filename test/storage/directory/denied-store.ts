import { chmodSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect } from 'vitest';
import { createDirectoryStore } from '../../../src/storage/directory/directory-store.ts';
import { objectPath } from '../../../src/storage/directory/file-names.ts';
import { putFakeCaches } from '../../command/support.ts';
import { giveAway, runUnprivileged } from '../../support/drop-privileges.ts';
import { scratch } from '../../support/scratch.ts';
import { silentLog } from '../../support/silent-log.ts';

const sourceUrl = (file: string) => new URL(`../../../src/${file}`, import.meta.url);

export const ref = 'org/repo/refs=2Fheads=2Fmain/';
const directoryOf = (name: string) => objectPath(`${name}/x`).slice(0, -'/x%.zst'.length);
export const caches = directoryOf(`cache-s3/v1/${ref}k`).slice(0, -2);
export const markers = directoryOf(`cache-s3/used/v1/~/${ref}k`).slice(0, -2);

/** In seconds since 1970. */
const YEAR_2017 = 1_500_000_000;

/** Makes a store of an ordinary user with old caches `mine` and `other`, and their markers. Some of its directories get another mode. */
export async function prepare(modes: Readonly<Record<string, number>>) {
  const parent = scratch();
  chmodSync(parent, 0o755);
  const root = path.join(parent, 'ci');
  const names = await putFakeCaches(createDirectoryStore(root, { log: silentLog }), [
    { key: 'mine', used: true },
    { key: 'other', used: true },
  ]);
  for (const name of names) utimesSync(path.join(root, objectPath(name)), YEAR_2017, YEAR_2017);
  await giveAway(root);
  for (const [directory, mode] of Object.entries(modes)) chmodSync(path.join(root, directory), mode);
  return { root, names };
}

interface Evaluated {
  readonly result?: unknown;
  readonly error?: string;
  readonly notices: readonly string[];
}

/** Evaluates an expression of `store` as an ordinary user. `keysOf` returns the keys of a listing. */
export async function evaluate(root: string, expression: string): Promise<Evaluated> {
  const code = `
    import { createDirectoryStore } from ${JSON.stringify(sourceUrl('storage/directory/directory-store.ts').href)};
    const notices = [];
    const log = { debug() {}, notice: text => notices.push(text) };
    const store = createDirectoryStore(${JSON.stringify(root)}, { log });
    const keysOf = async listing => (await Array.fromAsync(listing)).map(({ name }) => name.split('/').at(-2));
    const output = await (async () => (${expression}))().then(
      result => ({ result, notices }),
      error => ({ error: error.name + ': ' + error.message, notices }),
    );
    console.log(JSON.stringify(output));`;
  const { stdout, stderr } = await runUnprivileged(['--input-type=module', '-e', code], { cwd: '/' });
  expect(stderr).toBe('');
  return JSON.parse(stdout) as Evaluated;
}

export async function command(root: string, ...args: string[]) {
  const place = ['--endpoint', pathToFileURL(path.dirname(root)).href, '--bucket', path.basename(root)];
  return runUnprivileged([fileURLToPath(sourceUrl('command/main.ts')), ...args, ...place], { cwd: '/' });
}

/** Makes the file of an old upload of a cache. */
export function placeUpload(root: string, key: string): void {
  const file = path.join(root, caches, key, '%t0123456789abcdef,x.zst');
  writeFileSync(file, '');
  chmodSync(file, 0o644);
  utimesSync(file, YEAR_2017, YEAR_2017);
}
