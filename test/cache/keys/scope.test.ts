import { describe, expect, test } from 'vitest';
import { createKeySpace } from '../../../src/cache/keys/key-space.ts';
import { type ScopeOptions, spacesOf } from '../../../src/cache/keys/scope.ts';
import { NameTooLongError } from '../../../src/storage/store-errors.ts';

const version = '0123456789abcdef'.repeat(4);
const options: ScopeOptions = {
  scope: 'ref',
  prefix: 'ci/cache',
  version,
  repository: 'octo/app',
  readRefs: ['refs/pull/7/merge', 'refs/heads/dev', 'refs/heads/main'],
  writeRef: 'refs/pull/7/merge',
};

describe('spacesOf', () => {
  test('ref: one place for each ref, in the order given, each once', () => {
    const { read, write } = spacesOf({ ...options, readRefs: [...options.readRefs, 'refs/heads/dev'] });
    expect(read.map(({ label }) => label)).toEqual(options.readRefs);
    expect(read.map(({ root }) => root)).toEqual([
      'ci/cache/v1/octo/app/refs=2Fpull=2F7=2Fmerge/',
      'ci/cache/v1/octo/app/refs=2Fheads=2Fdev/',
      'ci/cache/v1/octo/app/refs=2Fheads=2Fmain/',
    ]);
    expect(write.root).toBe(read[0]?.root);
  });

  test.each([
    ['repository', 'ci/cache/v1/octo/app/_/'],
    ['bucket', 'ci/cache/v1/_/_/_/'],
  ] as const)('%s: one place for all', (scope, root) => {
    const { read, write } = spacesOf({ ...options, scope });
    expect(read.map(space => space.root)).toEqual([root]);
    expect(write.root).toBe(root);
    expect(write.label).toBe(scope);
  });

  test('ref: the places of all refs are those of one repository, and what it shares', () => {
    const { elsewhere, read } = spacesOf(options);
    expect(elsewhere?.root).toBe('ci/cache/v1/octo/app/');
    const name = read[1]!.objectName('go/1');
    expect(elsewhere?.parse(name)).toEqual({ label: 'refs/heads/dev', key: 'go/1', version });
    const shared = spacesOf({ ...options, scope: 'repository' }).write.objectName('go/1');
    expect(elsewhere?.parse(shared)).toEqual({ label: "scope 'repository'", key: 'go/1', version });
    for (const other of ['v1/octo/app/refs=2F/k', name.replace('app', 'apps'), name.replace('=2F', '/')])
      expect(elsewhere?.parse(other)).toBeUndefined();
  });

  test.each(['repository', 'bucket'] as const)('%s: there is no other place', scope => {
    expect(spacesOf({ ...options, scope }).elsewhere).toBeUndefined();
  });

  test('without a prefix the layout comes first', () => {
    expect(spacesOf({ ...options, prefix: '', scope: 'bucket' }).write.root).toBe('v1/_/_/_/');
  });
});

describe('KeySpace', () => {
  const space = createKeySpace({ label: 'x', prefix: 'p', place: ['o', 'r', 'refs/heads/main'], version });

  test('spells the object of a key and reads it back', () => {
    const name = space.objectName('go ü/1');
    expect(name).toBe(`p/v1/o/r/refs=2Fheads=2Fmain/go=20=C3=BC=2F1/${version}.tar.zst`);
    expect(space.parse(name)).toEqual({ key: 'go ü/1', version });
  });

  test('lists every version of every key with the prefix', () => {
    expect(space.objectName('col-10').startsWith(space.listPrefix('col-1'))).toBe(true);
    expect(space.objectName('..x').startsWith(space.listPrefix('.'))).toBe(true);
    expect(space.objectName('other').startsWith(space.listPrefix('col-1'))).toBe(false);
  });

  test.each([
    ['another place', `p/v1/o/r/refs=2Fheads=2Fdev/k/${version}.tar.zst`],
    ['no version', 'p/v1/o/r/refs=2Fheads=2Fmain/k/latest.tar.zst'],
    ['another ending', `p/v1/o/r/refs=2Fheads=2Fmain/k/${version}.tar.gz`],
    ['a deeper name', `p/v1/o/r/refs=2Fheads=2Fmain/k/x/${version}.tar.zst`],
    ['a name below an entry', `p/v1/o/r/refs=2Fheads=2Fmain/k/${version}/x.tar.zst`],
    ['a version of other digits', `p/v1/o/r/refs=2Fheads=2Fmain/k/${version.replace('f', 'g')}.tar.zst`],
    ['a key that is no encoding', `p/v1/o/r/refs=2Fheads=2Fmain/k k/${version}.tar.zst`],
    ['no key', `p/v1/o/r/refs=2Fheads=2Fmain//${version}.tar.zst`],
  ])('does not take %s for its own', (_, name) => {
    expect(space.parse(name)).toBeUndefined();
  });

  test('refuses a name over 1024 bytes and says the limit', () => {
    const fits = 'k'.repeat(1024 - space.root.length - `/${version}.tar.zst`.length);
    expect(space.objectName(fits)).toHaveLength(1024);
    expect(() => space.objectName(`${fits}k`)).toThrow(NameTooLongError);
    expect(() => space.objectName('ü'.repeat(500))).toThrow(/1024/);
  });
});
