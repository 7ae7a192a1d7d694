import { lstatSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { StagedFileError } from '../../../src/archive/archive-errors.ts';
import { encodeDirectoryJob } from '../../../src/archive/messages/directory-job.ts';
import { buildDirectories } from '../../../src/archive/worker/build-directories.ts';
import { failed, instead } from '../../support/file-system-calls.ts';
import { modes, requires } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';

const attributes = { mode: 0o750, mtimeUs: 1_500_000_000_000_000, mtimeRestNs: 0, uid: -1, gid: -1 };
const root = () => {
  const directory = scratch();
  return (name: string) => join(directory, name);
};
const modeOf = (path: string) => lstatSync(path).mode & 0o7777;

test('directories are made in their order with the modes of the job', requires(modes), () => {
  const at = root();
  const directories = ['a', 'a/b'].map(name => ({ path: at(name), madeMode: 0o700, attributes }));
  const { refused } = buildDirectories(encodeDirectoryJob('make', directories, false));
  expect([modeOf(at('a')), modeOf(at('a/b'))]).toEqual([0o700, 0o700]);
  expect(Object.values(refused)).toEqual([0, 0, 0, 0, 0]);
});

test('directories are finished with their final modes and times', requires(modes), () => {
  const at = root();
  mkdirSync(at('a'), 0o700);
  buildDirectories(encodeDirectoryJob('finish', [{ path: at('a'), madeMode: 0o700, attributes }], false));
  expect([modeOf(at('a')), lstatSync(at('a')).mtimeMs]).toEqual([0o750, 1_500_000_000_000]);
});

test(
  'a directory that has its final mode keeps it, unless the file system masks the modes of new directories',
  requires(modes),
  () => {
    const at = root();
    mkdirSync(at('a'), 0o700);
    let changes = 0;
    instead('chmodSync', () => () => void changes++);
    const finish = (masksModes: boolean) =>
      buildDirectories(
        encodeDirectoryJob('finish', [{ path: at('a'), madeMode: 0o750, attributes }], masksModes),
      );
    finish(false);
    expect(changes).toBe(0);
    finish(true);
    expect(changes).toBe(1);
  },
);

test(
  'an attribute that the system refuses is counted, and the directory is finished without it',
  requires(modes),
  () => {
    const at = root();
    mkdirSync(at('a'), 0o700);
    instead('chmodSync', () => path => {
      throw failed('EPERM', path);
    });
    const job = encodeDirectoryJob('finish', [{ path: at('a'), madeMode: 0o700, attributes }], false);
    expect(buildDirectories(job).refused).toMatchObject({ modes: 1, times: 0 });
    expect(lstatSync(at('a')).mtimeMs).toBe(1_500_000_000_000);
  },
);

test('a directory that cannot be made fails the job with its path', () => {
  const at = root();
  writeFileSync(at('a'), '');
  const job = encodeDirectoryJob('make', [{ path: at('a'), madeMode: 0o700, attributes }], false);
  expect(() => buildDirectories(job)).toThrow(StagedFileError);
  expect(() => buildDirectories(job)).toThrow(expect.objectContaining({ path: at('a'), code: 'EEXIST' }));
});
