import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import {
  markEnded,
  ownerState,
  removeOwner,
  writeOwner,
} from '../../../../src/archive/publish/staging/staging-owner.ts';
import { failed, instead } from '../../../support/file-system-calls.ts';
import { linux, requires } from '../../../support/platform-needs.ts';
import { scratch } from '../../../support/scratch.ts';
import { usePlatform } from '../../support/platform.ts';

type Owner = Record<string, unknown>;

/** Makes staging of this process, and applies `change` to its owner file. */
function ownStaging(change: (owner: Owner) => void = () => {}): string {
  const staging = join(scratch(), '.cache-s3-7-00000000-00000000');
  mkdirSync(staging);
  writeOwner(staging);
  const file = join(staging, 'owner');
  const owner = JSON.parse(readFileSync(file, 'utf8'));
  change(owner);
  writeFileSync(file, JSON.stringify(owner));
  return staging;
}

describe('the restore of a staging directory', requires(linux), () => {
  test('runs if this process has made the directory', () => {
    expect(ownerState(ownStaging())).toBe('running');
  });

  test.each<[string, (owner: Owner) => void]>([
    ['no process has the process id', owner => Object.assign(owner, { pid: 2 ** 22 + 1 })],
    ['another process has the process id now', owner => Object.assign(owner, { startTime: '1' })],
  ])('has ended if %s', (_, change) => {
    expect(ownerState(ownStaging(change))).toBe('ended');
  });

  test.each<[string, (owner: Owner) => void]>([
    ['is of another boot or machine', owner => Object.assign(owner, { bootId: 'other', pid: 2 ** 22 + 1 })],
    ['is of another namespace', owner => Object.assign(owner, { pidNamespace: 'pid:[1]', pid: 2 ** 22 + 1 })],
    ['has an impossible process id', owner => Object.assign(owner, { pid: -1 })],
    ['has a process id that is no number', owner => Object.assign(owner, { pid: '1' })],
  ])('is unknown if its owner %s', (_, change) => {
    expect(ownerState(ownStaging(change))).toBe('unknown');
  });

  test('is unknown if its owner file is a FIFO, which is not waited for, or large, which is not read', () => {
    const [fifo, large] = [ownStaging(), ownStaging()];
    removeOwner(fifo);
    execFileSync('mkfifo', [join(fifo, 'owner')]);
    writeFileSync(join(large, 'owner'), readFileSync(join(large, 'owner'), 'utf8').padEnd(2000));
    expect([ownerState(fifo), ownerState(large)]).toEqual(['unknown', 'unknown']);
  });

  test('runs if its process belongs to another user', () => {
    const staging = ownStaging();
    vi.spyOn(process, 'kill').mockImplementation(() => {
      throw failed('EPERM');
    });
    expect(ownerState(staging)).toBe('running');
  });

  test.each([
    ['has ended if its process is a zombie', '(node) Z', 'ended'],
    ['runs if its process has a name that looks like a zombie', '(a) Z 1 (b) S', 'running'],
  ])('%s', (_, nameAndState, expected) => {
    const staging = ownStaging();
    const stat = readFileSync(`/proc/${process.pid}/stat`, 'utf8').replace(/\(.*\) \w/, nameAndState);
    instead(
      'readFileSync',
      call =>
        ((...options: Parameters<typeof call>) =>
          String(options[0]).endsWith('/stat') ? stat : call(...options)) as typeof call,
    );
    expect(ownerState(staging)).toBe(expected);
  });

  test('is unknown if /proc shows the processes of another namespace', () => {
    const staging = ownStaging();
    instead(
      'readlinkSync',
      call => ((path: string) => (path === '/proc/self' ? '1' : call(path))) as typeof call,
    );
    expect(ownerState(staging)).toBe('unknown');
  });

  test('does not replace an owner file that exists', () => {
    expect(() => writeOwner(ownStaging())).toThrow('EEXIST');
  });

  test('is unknown on a file system that other machines may have mounted', () => {
    usePlatform({ numbersFileSystems: false });
    expect(ownerState(ownStaging())).toBe('unknown');
  });

  test('is unknown when the directory no longer belongs to it', () => {
    const staging = ownStaging();
    removeOwner(staging);
    expect(ownerState(staging)).toBe('unknown');
  });

  test('has ended when the directory is marked so, which only a system that locks open files needs', () => {
    const staging = ownStaging();
    usePlatform({ locksOpenFiles: false });
    markEnded(staging);
    expect(existsSync(join(staging, 'ended'))).toBe(false);
    usePlatform({ locksOpenFiles: true });
    markEnded(staging);
    expect(ownerState(staging)).toBe('ended');
  });
});
