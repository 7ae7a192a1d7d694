import { closeSync, lstatSync, openSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  areSameAttributes,
  attributesOf,
  creationMode,
  isSameMode,
  makeReadOnly,
  setAttributes,
  setLinkAttributes,
} from '../../../src/archive/fs/attributes.ts';
import { RefusedAttributes } from '../../../src/archive/fs/refused-attributes.ts';
import { failed, instead } from '../../support/file-system-calls.ts';
import { posix, requires } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';
import { usePlatform } from '../support/platform.ts';

const mtime = { mtimeUs: 1_500_000_000_000_000, mtimeRestNs: 0 };
const NONE = { owners: 0, modes: 0, times: 0, hardLinks: 0, symlinks: 0 };

function makeFile(): string {
  const path = join(scratch(), 'file');
  writeFileSync(path, 'x', { mode: 0o600 });
  return path;
}

/** Records the calls of `chown` and `chmod`, which do nothing, or fail with a code. */
function recordCalls(codes: { readonly chown?: string; readonly chmod?: string } = {}) {
  const calls: [string, ...unknown[]][] = [];
  const record =
    (name: 'chown' | 'chmod') =>
    (path: unknown, ...args: unknown[]) => {
      calls.push([name, ...args]);
      const code = codes[name];
      if (code !== undefined) throw failed(code, path);
    };
  instead('chownSync', () => record('chown') as never);
  instead('chmodSync', () => record('chmod') as never);
  return calls;
}

describe('setAttributes', () => {
  test(
    'sets the mode and time that attributesOf reads, of a path and of an open file',
    requires(posix),
    () => {
      const [path, second] = [makeFile(), makeFile()];
      setAttributes(path, { mode: 0o751, ...mtime });
      expect(attributesOf(path)).toEqual({ mode: 0o751, ...mtime });
      const fd = openSync(second, 'r+');
      setAttributes(fd, { mode: 0o1640, ...mtime });
      closeSync(fd);
      expect(attributesOf(second)).toEqual({ mode: 0o1640, ...mtime });
    },
  );

  test.each<[string, boolean, number, boolean]>([
    ['sets the owner where owners are kept', true, 5, true],
    ['sets no owner where owners are not kept', false, 5, false],
    ['sets no owner where the archive has none', true, -1, false],
  ])('%s', (_, keepsOwners, uid, sets) => {
    usePlatform({ keepsOwners, hasModes: true });
    const calls = recordCalls();
    setAttributes(makeFile(), { mode: 0o640, ...mtime, uid, gid: 6 });
    expect(calls).toEqual([...(sets ? [['chown', uid, 6]] : []), ['chmod', 0o640]]);
  });

  test('drops set-id bits, which would give the rights of the wrong user, if the owner is refused', () => {
    usePlatform({ keepsOwners: true, hasModes: true });
    const calls = recordCalls({ chown: 'EPERM' });
    const refused = new RefusedAttributes();
    setAttributes(makeFile(), { mode: 0o7755, ...mtime, uid: 5, gid: 6 }, refused);
    expect(calls.at(-1)).toEqual(['chmod', 0o1755]);
    expect(refused.counts).toEqual({ ...NONE, owners: 1 });
  });

  test('sets neither the mode nor the owner that a new item has already', requires(posix), () => {
    usePlatform({ keepsOwners: true, hasModes: true });
    const calls = recordCalls();
    const own = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
    const set = (mode: number, made: { knownMode: number | undefined } | undefined, owner = own) => {
      calls.length = 0;
      setAttributes(makeFile(), { mode, ...mtime, ...owner }, new RefusedAttributes(), made);
      return calls.map(([name]) => name);
    };
    expect(set(0o640, { knownMode: 0o640 })).toEqual([]);
    expect(set(0o640, { knownMode: 0o600 })).toEqual(['chmod']);
    // The file system may have given it another mode
    expect(set(0o640, { knownMode: undefined })).toEqual(['chmod']);
    // mkdir ignores set-id bits
    expect(set(0o2750, { knownMode: 0o2750 })).toEqual(['chmod']);
    expect(set(0o640, undefined)).toEqual(['chown', 'chmod']);
    expect(set(0o640, { knownMode: 0o640 }, { ...own, gid: own.gid + 1 })).toEqual(['chown']);
  });

  test('sets no mode where the system has none', () => {
    usePlatform({ hasModes: false, keepsOwners: false });
    const calls = recordCalls();
    setAttributes(makeFile(), { mode: 0o640, ...mtime });
    expect(calls).toEqual([]);
  });

  test('counts a mode that the file system ignores without an error', requires(posix), () => {
    instead('fchmodSync', () => () => {});
    const counts = (made: { knownMode: number | undefined } | undefined) => {
      const refused = new RefusedAttributes();
      const fd = openSync(makeFile(), 'r+');
      setAttributes(fd, { mode: 0o640, ...mtime }, refused, made);
      closeSync(fd);
      return refused.counts.modes;
    };
    expect(counts({ knownMode: undefined })).toBe(1);
  });

  test('throws an error that is not a refusal', () => {
    usePlatform({ hasModes: true });
    recordCalls({ chmod: 'EIO' });
    expect(() => setAttributes(makeFile(), { mode: 0o640, ...mtime })).toThrow('EIO');
  });
});

test('setLinkAttributes sets the time of the link and not of its target', () => {
  usePlatform({ keepsOwners: false });
  const file = makeFile();
  const link = `${file}-link`;
  symlinkSync('file', link);
  const before = lstatSync(file).mtimeMs;
  setLinkAttributes(link, { mode: 0o777, uid: -1, gid: -1, ...mtime }, new RefusedAttributes());
  expect([lstatSync(link).mtimeMs, lstatSync(file).mtimeMs]).toEqual([1_500_000_000_000, before]);
});

test('two sets of attributes are the same if the mode is, and if the time is equal or the one that a restore sets', () => {
  const exact = { mtimeUs: 1_500_000_000_000_001, mtimeRestNs: 1 };
  const path = makeFile();
  setAttributes(path, { mode: 0o640, ...exact });
  const found = attributesOf(path);
  const mode = found.mode;
  expect(areSameAttributes(found, { mode, ...exact })).toBe(true);
  expect(areSameAttributes(found, { mode: mode ^ 0o100, ...exact })).toBe(false);
  expect(areSameAttributes(found, { mode, ...exact, mtimeUs: exact.mtimeUs + 1 })).toBe(false);
});

describe('where files have the read-only attribute in place of modes', () => {
  test(
    'a file is created writable and made read-only afterwards if its mode has no right to write',
    requires(posix),
    () => {
      usePlatform({ hasModes: false });
      expect([0o444, 0o555, 0o644].map(creationMode)).toEqual([0o644, 0o755, 0o644]);
      const modes = [0o444, 0o644].map(mode => {
        const path = makeFile();
        makeReadOnly(path, mode, new RefusedAttributes());
        return lstatSync(path).mode & 0o777;
      });
      expect(modes).toEqual([0o444, 0o600]);
    },
  );

  test('two modes are the same if both or neither have the right to write, and those of directories always', () => {
    usePlatform({ hasModes: false });
    expect([isSameMode(0o644, 0o755, false), isSameMode(0o644, 0o444, false)]).toEqual([true, false]);
    expect(isSameMode(0o755, 0o555, true)).toBe(true);
  });
});

test(
  'where files have modes, a file is created with its mode, and two modes are the same if they are equal',
  requires(posix),
  () => {
    usePlatform({ hasModes: true });
    const path = makeFile();
    makeReadOnly(path, 0o444, new RefusedAttributes());
    expect([creationMode(0o444), lstatSync(path).mode & 0o777]).toEqual([0o444, 0o600]);
    expect([
      isSameMode(0o644, 0o644, false),
      isSameMode(0o644, 0o755, false),
      isSameMode(0o755, 0o555, true),
    ]).toEqual([true, false, false]);
  },
);
