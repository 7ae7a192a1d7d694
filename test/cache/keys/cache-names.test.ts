import { describe, expect, test } from 'vitest';
import {
  cachesRoot,
  markerName,
  markersRoot,
  parseCacheName,
  parseMarkerName,
} from '../../../src/cache/keys/cache-names.ts';
import { placesOf } from '../../../src/cache/keys/scope.ts';

const version = 'ab'.repeat(32);

function nameOf(
  scope: 'ref' | 'repository' | 'bucket',
  ref: string,
  key: string,
  prefix = 'cache-s3',
): string {
  const run = { repository: 'org/re.po', readRefs: [ref], writeRef: ref };
  return placesOf({ scope, prefix, version, ...run }).write.objectName(key);
}

describe('the name of a cache', () => {
  test.each([
    ['ref', { repository: 'org/re.po', scope: 'refs/heads/main' }],
    ['repository', { repository: 'org/re.po', scope: 'repository' }],
    ['bucket', { repository: '', scope: 'bucket' }],
  ] as const)('with scope %s is parsed to what the step has saved', (scope, place) => {
    for (const key of ['k', 'a key/with=odd \u{1f600}', '..', '_', '::error::x']) {
      const name = nameOf(scope, 'refs/heads/main', key);
      expect(parseCacheName('cache-s3', name)).toEqual({ ...place, key, version });
      expect(name.startsWith(cachesRoot('cache-s3', place.repository))).toBe(true);
      expect(name.startsWith(cachesRoot('cache-s3', place.repository, place.scope))).toBe(true);
    }
  });

  test.each([
    `cache-s3/v1/org/repo/ref/key/${version}.tar`,
    `cache-s3/v1/org/repo/ref/key/${version.toUpperCase()}.tar.zst`,
    `cache-s3/v1/org/repo/ref/key/${version.slice(1)}.tar.zst`,
    `cache-s3/v1/org/repo/ref/${version}.tar.zst`,
    `cache-s3/v1/org/repo/ref/key/more/${version}.tar.zst`,
    `cache-s3/v1/org/repo/r=65f/key/${version}.tar.zst`,
    `cache-s3/v1/org//ref/key/${version}.tar.zst`,
    `cache-s3/v1/../repo/ref/key/${version}.tar.zst`,
    `cache-s3/v1/org/repo/ref/\u00fc/${version}.tar.zst`,
    `cache-s3/v2/org/repo/ref/key/${version}.tar.zst`,
    `other/v1/org/repo/ref/key/${version}.tar.zst`,
    `cache-s3/v1/org/repo/ref/key/${version}.used`,
    '',
  ])('is not %s', name => {
    expect(parseCacheName('cache-s3', name)).toBeUndefined();
  });
});

describe('the name of a marker', () => {
  test('is outside of the caches, and leads back to its cache', () => {
    for (const scope of ['ref', 'repository', 'bucket'] as const) {
      const name = nameOf(scope, 'refs/pull/1/merge', 'key');
      const marker = markerName('cache-s3', name)!;
      expect(marker).not.toMatch(/^cache-s3\/v1\//);
      expect(marker.startsWith(markersRoot('cache-s3'))).toBe(true);
      expect(parseMarkerName('cache-s3', marker)).toEqual({
        ...parseCacheName('cache-s3', name),
        objectName: name,
      });
    }
  });

  test('does not exist for a name that is no cache, and for one that would be too long', () => {
    expect(markerName('cache-s3', 'cache-s3/v1/x')).toBeUndefined();
    const long = nameOf('ref', 'refs/heads/main', 'k'.repeat(1024 - 115));
    expect(long.length).toBeGreaterThan(1020);
    expect(markerName('cache-s3', long.slice(0, -72))).toBeUndefined();
    expect(markerName('cache-s3', long)?.length ?? 0).toBeLessThanOrEqual(1024);
    const atLimit = nameOf('ref', 'refs/heads/main', 'k'.repeat(1024 - long.length + (1024 - 115)));
    expect(atLimit).toHaveLength(1024);
    expect(markerName('cache-s3', atLimit)).toBeUndefined();
  });

  test('is in no listing of caches, whatever the prefix and the owner of a repository', () => {
    const marker = markerName('cache-s3', nameOf('ref', 'refs/heads/main', 'key'))!;
    for (const prefix of ['cache-s3', 'cache-s3/used', 'cache-s3/used/v1', 'cache-s3/used/used']) {
      for (const owner of ['~', '=7E', '', 'org', 'used', 'v1']) {
        expect(marker.startsWith(cachesRoot(prefix, `${owner}/repo`))).toBe(false);
        expect(nameOf('ref', 'r', 'k', prefix).startsWith(markersRoot('cache-s3'))).toBe(false);
      }
    }
  });

  test('is below the root of the markers of its repository and scope', () => {
    const marker = markerName('p', nameOf('ref', 'refs/heads/main', 'key', 'p'))!;
    expect(marker).toBe(`p/used/v1/~/org/re.po/refs=2Fheads=2Fmain/key/${version}.used`);
    expect(marker.startsWith(markersRoot('p', 'org/re.po', 'refs/heads/main'))).toBe(true);
  });

  test('is not that of a cache below a prefix that ends in the markers’ own component', () => {
    const cache = nameOf('ref', 'refs/heads/main', 'key', 'cache-s3/used');
    expect(parseMarkerName('cache-s3', cache)).toBeUndefined();
    expect(parseMarkerName('cache-s3', 'cache-s3/used/v1/notes.used')).toBeUndefined();
  });
});
