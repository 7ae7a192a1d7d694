import { describe, expect, test } from 'vitest';
import { placesOf, type ScopeOptions } from '../../../src/cache/keys/scope.ts';

const version = '0123456789abcdef'.repeat(4);
const options: ScopeOptions = {
  scope: 'ref',
  prefix: 'ci/cache',
  version,
  repository: 'octo/app',
  readRefs: ['refs/pull/7/merge', 'refs/heads/dev', 'refs/heads/main'],
  writeRef: 'refs/pull/7/merge',
};

describe('placesOf', () => {
  test('scope ref has one place for each ref, in the given order', () => {
    const { read, write } = placesOf(options);
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
  ] as const)('scope %s reads and writes one place, %s', (scope, root) => {
    const { read, write } = placesOf({ ...options, scope });
    expect(read.map(place => place.root)).toEqual([root]);
    expect(write.root).toBe(root);
    expect(write.label).toBe(scope);
  });

  test('scope ref diagnoses a miss in all refs of the repository and in its shared place, and nowhere else', () => {
    const { elsewhere, read } = placesOf(options);
    expect(elsewhere?.root).toBe('ci/cache/v1/octo/app/');
    const name = read[1]!.objectName('go/1');
    expect(elsewhere?.parse(name)).toEqual({ label: 'refs/heads/dev', key: 'go/1', version });
    const shared = placesOf({ ...options, scope: 'repository' }).write.objectName('go/1');
    expect(elsewhere?.parse(shared)).toEqual({ label: "scope 'repository'", key: 'go/1', version });
    for (const other of ['v1/octo/app/refs=2F/k', name.replace('app', 'apps'), name.replace('=2F', '/')])
      expect(elsewhere?.parse(other)).toBeUndefined();
  });

  test.each(['repository', 'bucket'] as const)('scope %s has no other places to diagnose', scope => {
    expect(placesOf({ ...options, scope }).elsewhere).toBeUndefined();
  });
});
