import { beforeEach, describe, expect, test } from 'vitest';
import { SourceTreeError, StagedFileError, TargetTreeError } from '../../../src/archive/archive-errors.ts';
import { readError, showPath, wrapStagedError, writeError } from '../../../src/archive/fs/tree-errors.ts';
import { failed } from '../../support/file-system-calls.ts';
import { platforms, usePlatform, useUser } from '../support/platform.ts';

const path = '/work/tree/a';
const writing = (code: string) => writeError(path, failed(code, path)).message;
const reading = (code: string) => readError(path, failed(code, path)).message;

describe('for a user of Linux, an error of the tree', () => {
  beforeEach(() => {
    usePlatform(platforms.linux);
    useUser(1000);
  });

  test('advises sudo where a right is missing', () => {
    expect(writing('EACCES')).toBe(`${path} cannot be written (EACCES); remove it or set \`sudo: true\``);
    expect(writing('EPERM')).toContain('(EPERM); remove it');
    expect(reading('EACCES')).toBe(`${path} cannot be read (EACCES); \`sudo: true\` reads it as root`);
  });

  test('advises nothing where a right would not help', () => {
    expect(writing('EIO')).toBe(`${path} cannot be written (EIO)`);
    expect(reading('EIO')).toBe(`${path} cannot be read (EIO)`);
  });

  test('explains codes that users may not know', () => {
    expect(writing('ENOSPC')).toBe(
      `${path} cannot be written (ENOSPC: the disk is full or has no free inode)`,
    );
    expect(writing('EROFS')).toBe(`${path} cannot be written (EROFS: the file system is read-only)`);
    expect(writing('EDQUOT')).toBe(`${path} cannot be written (EDQUOT: the quota of this user is used up)`);
    expect(writing('EFBIG')).toBe(
      `${path} cannot be written (EFBIG: the limit of the size of a file is reached; raise \`fsize\`)`,
    );
    const openFiles = '(EMFILE: the limit of open files is reached; raise `nofile`)';
    expect(writing('EMFILE')).toBe(`${path} cannot be written ${openFiles}`);
    expect(reading('EMFILE')).toBe(`${path} cannot be read ${openFiles}`);
  });

  test('does not advise sudo to root', () => {
    useUser(0);
    expect(writing('EACCES')).toBe(`${path} cannot be written (EACCES)`);
    expect(reading('EACCES')).toBe(`${path} cannot be read (EACCES)`);
  });
});

test('on Windows, an error of the tree advises to end the process that has a file open', () => {
  usePlatform(platforms.win32);
  useUser(1000);
  const windowsPath = '\\work\\tree\\a';
  expect(writing('EBUSY')).toBe(
    `${windowsPath} cannot be written (EBUSY); if a process has it open or runs it, end that process, or exclude the file with a \`!\` line in \`path\`; else give this user the right to write it`,
  );
  expect(reading('EBUSY')).toBe(
    `${windowsPath} cannot be read (EBUSY); a process has it open and does not share it`,
  );
  expect(reading('EACCES')).toBe(
    `${windowsPath} cannot be read (EACCES); give this user the right to read it`,
  );
});

test('a path in a message has only the separator of its system', () => {
  usePlatform({ separator: '\\' });
  expect(showPath('D:\\work/tree/a')).toBe('D:\\work\\tree\\a');
  usePlatform({ separator: '/' });
  expect(showPath('/work/tree/a')).toBe('/work/tree/a');
});

test('an error of the tree keeps its cause, and one of a write its code', () => {
  const cause = failed('ENOSPC', path);
  expect(writeError(path, cause)).toMatchObject({ cause, code: 'ENOSPC', treeChanged: false });
  expect(writeError(path, cause)).toBeInstanceOf(TargetTreeError);
  expect(readError(path, cause)).toMatchObject({ cause });
  expect(readError(path, cause)).toBeInstanceOf(SourceTreeError);
});

test('a change in staging returns its result, and its failure becomes an error of the archive', () => {
  const cause = failed('EIO', path);
  const fail = () => {
    throw cause;
  };
  expect(wrapStagedError(path, () => 1)).toBe(1);
  const attempt = () => wrapStagedError(path, fail);
  expect(attempt).toThrow(StagedFileError);
  expect(attempt).toThrow(expect.objectContaining({ path, code: 'EIO' }));
});
