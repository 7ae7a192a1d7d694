import { describe, expect, it } from 'vitest';
import { explainRead, explainSave, isRequestedKey } from '../../../src/storage/github/outcome.ts';

const unpacked =
  "GitHub's cache has the key, but its archive could not be unpacked and some files may have been written";
const tar = '/usr/bin/tar failed with error: The process failed with exit code 2';

describe('a read without a result', () => {
  it.each([200, 204])('is a miss if the service responded with %d and the client has no problem', status => {
    expect(explainRead({ problem: undefined, serviceResponse: status })).toEqual({
      kind: 'miss',
      diagnosis: undefined,
    });
  });

  it.each(['none', 'not requested', 500, 302] as const)(
    'is no miss if the response of the service is %s, although the client has no problem',
    serviceResponse => {
      expect(explainRead({ problem: undefined, serviceResponse }).kind).toBe('unavailable');
    },
  );

  it.each([
    [
      503,
      'Failed to GetX: Failed to make request after 5 attempts: Failed request: (503) Busy',
      "GitHub's cache could not be used: Failed to GetX: Failed request: (503) Busy",
    ],
    [
      'none',
      'Unable to make request: ECONNREFUSED',
      "GitHub's cache did not respond: Unable to make request: ECONNREFUSED",
    ],
    [429, 'Rate limited', "GitHub's cache could not be used: Rate limited"],
    [200, 'Invalid URL', "GitHub's cache could not be used: Invalid URL"],
  ] as const)('is an outage after the response %s and "%s"', (serviceResponse, problem, message) => {
    expect(explainRead({ problem, serviceResponse })).toMatchObject({
      kind: 'unavailable',
      error: { message },
    });
  });

  it.each([tar, `"C:\\Windows\\System32\\tar.exe" failed with error: x`])(
    'may have changed the tree after "%s"',
    problem => {
      const message = `${unpacked}: ${problem}`;
      expect(explainRead({ problem, serviceResponse: 200 })).toMatchObject({
        kind: 'failed',
        error: { message },
      });
    },
  );

  it.each([
    [403, 'cache read denied: no scopes'],
    [401, 'Failed to GetX: Failed request: (401) Unauthorized'],
    ['not requested', "Cache restore skipped: the effective cache-mode 'none' does not permit reads."],
  ] as const)('is a refusal after the response %s and "%s"', (serviceResponse, problem) => {
    const message = `GitHub's cache refused the request: ${problem}`;
    expect(explainRead({ problem, serviceResponse })).toMatchObject({ kind: 'refused', error: { message } });
  });
});

describe('a save without a result', () => {
  it.each([
    [409, 'Failed to CreateCacheEntry: Failed request: (409) Conflict'],
    [200, 'Response was not ok'],
  ])('finds the key taken after the response %d and "%s"', (serviceResponse, problem) => {
    expect(explainSave({ problem, serviceResponse })).toEqual({ kind: 'exists', source: 'github' });
  });

  it.each([
    ['none', 'Failed to CreateCacheEntry: Unable to make request: ECONNRESET', 'unavailable'],
    ['not requested', tar, 'unavailable'],
    [200, 'the repository is archived', 'unavailable'],
    [500, 'Response was not ok', 'unavailable'],
    [200, 'cache write denied: read-only', 'refused'],
    [403, 'Failed to CreateCacheEntry: Cache storage quota has been hit.', 'refused'],
    [
      'not requested',
      "Cache save skipped: the effective cache-mode 'read' does not permit writes.",
      'refused',
    ],
  ] as const)(
    'does not find the key taken after the response %s and "%s"',
    (serviceResponse, problem, kind) => {
      const outcome = explainSave({ problem, serviceResponse });
      expect(outcome).toMatchObject({
        kind,
        error: { message: expect.stringMatching(/^GitHub's cache .*: /) },
      });
      expect(outcome).toMatchObject({ kind, error: { message: expect.stringContaining(problem) } });
    },
  );
});

describe('a matched key', () => {
  const requested = ['deps-1', 'deps-', 'two\nlines'];

  it.each(['deps-1', 'deps-1-x', 'deps-', 'Deps-2', 'two\nlines'])('%j is one of those requested', key => {
    expect(isRequestedKey(key, requested)).toBe(true);
  });

  it.each([
    'dep',
    '',
    'other',
    'deps-\n::add-mask::x',
    'deps-\u2028',
    'deps-\u001b[31m',
    `deps-${'x'.repeat(512)}`,
  ])('%j is none of those requested', key => {
    expect(isRequestedKey(key, requested)).toBe(false);
  });
});
