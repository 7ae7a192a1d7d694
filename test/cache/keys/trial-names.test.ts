import { expect, test } from 'vitest';
import { cachesRoot, markersRoot } from '../../../src/cache/keys/cache-names.ts';
import {
  COPY_SUFFIX,
  createTrialName,
  MULTIPART_SUFFIX,
  ORDERED_SUFFIXES,
  parseTrialName,
} from '../../../src/cache/keys/trial-names.ts';

test.each([
  [undefined, undefined],
  ['org/app', undefined],
  ['org/app', 'refs/heads/ü'],
  ['org/app', 'repository'],
])('each object of a trial in the repository %s and the scope %s has that place', (repository, scope) => {
  for (const prefix of ['', 'cache-s3', 'a/used']) {
    const trial = createTrialName(cachesRoot(prefix, repository, scope));
    for (const suffix of ['', ...ORDERED_SUFFIXES, MULTIPART_SUFFIX, COPY_SUFFIX]) {
      expect(parseTrialName(prefix, `${trial}${suffix}`)).toEqual({ repository, scope });
    }
    const marker = createTrialName(markersRoot(prefix, repository, scope));
    expect(parseTrialName(prefix, marker)).toEqual({ repository, scope });
  }
});

test.each([
  'p/v1/doctor-0123456789a',
  'p/v1/doctor-0123456789ab/c',
  'p/v1/doctor-0123456789ab/a/1/2',
  'p/v1/doctor-0123456789aB',
  'p/v1/my-doctor-0123456789ab',
  'p/v1/org/doctor-0123456789ab',
  'p/v1/org/app/main/key/doctor-0123456789ab',
  'p/v2/doctor-0123456789ab',
  'doctor-0123456789ab',
  'p/used/v1/doctor-0123456789ab',
  `p/v1/org/app/main/doctor-0123456789ab/${'a'.repeat(64)}.tar.zst`,
])('%s is not an object of a trial', name => {
  expect(parseTrialName('p', name)).toBeUndefined();
});
