import { chmodSync, existsSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { cachesRoot, markersRoot } from '../../../src/cache/keys/cache-names.ts';
import { checkDirectory } from '../../../src/command/doctor/check-directory.ts';
import type { Finding } from '../../../src/command/doctor/finding.ts';
import { createDirectoryStore } from '../../../src/storage/directory/directory-store.ts';
import type { ObjectStore } from '../../../src/storage/object-store.ts';
import { runUnprivileged } from '../../support/drop-privileges.ts';
import { override } from '../../support/override.ts';
import { posix, requires, windows } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';
import { silentLog } from '../../support/silent-log.ts';
import { runCommand } from '../run-command.ts';

const prefixes = { caches: cachesRoot('cache-s3'), markers: markersRoot('cache-s3') };

/** Checks a directory with a store of which some calls differ from a good one. */
async function findingsOf(
  root: string,
  different: (store: ObjectStore) => Partial<ObjectStore> = () => ({}),
) {
  const good = createDirectoryStore(root, { log: silentLog });
  const findings: Finding[] = [];
  const { signal } = new AbortController();
  const store = override(good, different(good));
  await checkDirectory({ store, root, prefixes, signal }, finding => void findings.push(finding));
  return findings;
}

const notOk = (findings: readonly Finding[]) => findings.filter(({ result }) => result !== 'ok');

test('doctor reports a file in place of the directory, and the option to change', async () => {
  const file = path.join(scratch(), 'a-file');
  writeFileSync(file, '');
  const args = ['doctor', '--json', '--endpoint', String(pathToFileURL(file))];
  const { stdout, exitCode } = await runCommand(args, {});
  expect(exitCode).toBe(1);
  expect(JSON.parse(stdout).checks.filter(({ result }: { result: string }) => result !== 'ok')).toEqual([
    expect.objectContaining({
      check: 'directory',
      found: expect.stringContaining('ENOTDIR: not a directory'),
      fix: 'set --endpoint to a directory that this user may enter.',
    }),
  ]);
});

test('doctor finds a directory that does not exist yet, and removes what it has made', async () => {
  const parent = scratch();
  const root = path.join(parent, 'new', 'bucket');
  const findings = await findingsOf(root);
  expect(notOk(findings)).toEqual([]);
  expect(findings.map(({ check }) => check)).toEqual([
    ...['directory', 'write', 'read', 'list', 'conditions', 'delete', 'space'],
  ]);
  expect(findings[0]?.found).toBe(`${root} does not exist; the first save creates it`);
  expect(readdirSync(parent)).toEqual([]);
});

test('doctor ends for a directory on a drive of Windows that does not exist', requires(windows), async () => {
  const drive = Array.from('QRSTUVW', letter => `${letter}:\\`).find(one => !existsSync(one))!;
  const findings = await findingsOf(path.join(drive, 'new', 'bucket'));
  expect(notOk(findings)).toMatchObject([{ result: 'failed' }]);
});

test(
  'doctor reports a directory that the user may not write to, with the user and the directory',
  requires(posix),
  async () => {
    const root = scratch();
    chmodSync(root, 0o555);
    const program = fileURLToPath(new URL('../../../src/command/main.ts', import.meta.url));
    const args = ['doctor', '--json', '--endpoint', String(pathToFileURL(root))];
    const { stdout, exitCode } = await runUnprivileged([program, ...args], { cwd: '/' });
    expect(exitCode).toBe(1);
    const { checks } = JSON.parse(stdout) as { checks: Finding[] };
    expect(checks.map(({ check, result }) => [check, result])).toEqual([
      ['directory', 'ok'],
      ['write', 'failed'],
    ]);
    expect(checks[1]?.fix).toMatch(
      /^give the user with the id \d+ the right to write to .*, or set another --endpoint\.$/,
    );
  },
);

test('doctor reports bytes that are not those that were written, and deletes its object', async () => {
  const root = scratch();
  const findings = await findingsOf(root, () => ({ getRange: async () => undefined }));
  expect(notOk(findings)).toMatchObject([
    { check: 'read', result: 'failed', found: 'Other bytes were read.' },
  ]);
  expect(readdirSync(root)).toEqual([]);
});

test('doctor reports a listing without its object', async () => {
  const findings = await findingsOf(scratch(), () => ({ async *list() {} }));
  expect(notOk(findings)).toMatchObject([
    { check: 'list', result: 'failed', found: 'The trial object is not listed.' },
  ]);
});

test('doctor reports that the last of two jobs wins on a file system that replaces an object', async () => {
  const findings = await findingsOf(scratch(), store => ({
    createUpload: (name, options) => store.createUpload(name, { ...options, onlyIfAbsent: false }),
  }));
  expect(notOk(findings)).toMatchObject([
    { check: 'conditions', result: 'limited', found: 'An object was replaced.' },
  ]);
});

test('doctor reports the failure of a second write with its reason, not as a replaced object', async () => {
  let uploads = 0;
  const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
  const findings = await findingsOf(scratch(), store => ({
    createUpload: (name, options) => {
      const upload = store.createUpload(name, options);
      return ++uploads === 1 ? upload : override(upload, { complete: () => Promise.reject(full) });
    },
  }));
  expect(notOk(findings)).toMatchObject([
    {
      check: 'conditions',
      result: 'failed',
      found: 'No space left on device.',
      meaning: 'jobs of this user cannot save caches.',
    },
  ]);
});

test('doctor names the object that it cannot delete', async () => {
  const findings = await findingsOf(scratch(), () => ({
    delete: () => Promise.reject(new Error('not allowed')),
  }));
  expect(notOk(findings)).toMatchObject([{ check: 'delete', result: 'failed', found: 'Not allowed.' }]);
  expect(notOk(findings)[0]?.meaning).toMatch(/^the trial object cache-s3\/v1\/doctor-[0-9a-f]{12} remains /);
});
