import { expect, test } from 'vitest';
import { DamagedArchiveError } from '../../src/archive/archive-errors.ts';
import type { StorageBackend } from '../../src/storage/backend.ts';
import { createFallback } from '../../src/storage/fallback.ts';
import type { Outcome, RestoreOutcome, SaveOutcome } from '../../src/storage/outcomes.ts';
import {
  NameTooLongError,
  PolicyRefusedError,
  SecretlessRunError,
  StoreRefusedError,
  StoreUnavailableError,
} from '../../src/storage/store-errors.ts';
import {
  createLookupRequest,
  createRestoreRequest,
  createSaveRequest,
  recordingLog,
} from '../support/requests.ts';

/** A backend whose every method has this outcome. */
function backend(outcome: Outcome) {
  const calls: string[] = [];
  const act = (method: string) => async () => {
    calls.push(method);
    return outcome as never;
  };
  const made: StorageBackend & { calls: string[]; closed: boolean } = {
    calls,
    closed: false,
    lookup: act('lookup'),
    restore: act('restore'),
    save: act('save'),
    counters: { requests: 2, retries: 1 },
    close() {
      made.closed = true;
    },
  };
  return made;
}

const nameInput = (input: string) => `the input '${input}'`;

function arrange(first: Outcome, second: Outcome = hit) {
  const log = recordingLog();
  const [primary, github] = [backend(first), backend(second)];
  const opened = { times: 0 };
  const openSecondary = async () => {
    opened.times += 1;
    return github;
  };
  return {
    fallback: createFallback({ primary, openSecondary, log, nameInput }),
    primary,
    github,
    log,
    opened,
  };
}

const hit: RestoreOutcome = {
  ...{ kind: 'hit', source: 'github', key: 'key', exact: true, sizeBytes: 1 },
  ...{ entries: undefined, rawBytes: undefined },
};
const saved: SaveOutcome = {
  ...{ kind: 'saved', source: 'github', sizeBytes: 1, entries: undefined, rawBytes: undefined },
  reusedBytes: 0,
};
const outage: Outcome = {
  ...{ kind: 'unavailable', source: 's3' },
  error: new StoreUnavailableError('connect ECONNREFUSED 10.0.0.1:80'),
};
const refusal: Outcome = {
  ...{ kind: 'refused', source: 's3' },
  error: new StoreRefusedError('InvalidAccessKeyId (403)', { input: 'accessKey' }),
};
const fork: Outcome = {
  ...{ kind: 'refused', source: 's3' },
  error: new SecretlessRunError('no credentials: a pull request from a fork gets no secrets'),
};
const tooLong: Outcome = {
  ...{ kind: 'refused', source: 's3' },
  error: new NameTooLongError('1,090 bytes, at most 1024'),
};
const damage: Outcome = {
  ...{ kind: 'miss', diagnosis: undefined },
  rejected: [
    {
      ...{ kind: 'damaged', key: 'key', object: { name: 'o', etag: 'e' } },
      error: new DamagedArchiveError('frame 3 has the wrong checksum'),
    },
  ],
};

test.each<Outcome>([
  hit,
  { kind: 'miss', diagnosis: 'it was saved with other paths' },
  damage,
  { kind: 'failed', error: new Error('/x cannot be written'), treeChanged: true },
  { kind: 'cancelled' },
])('the outcome $kind of the bucket is final and is passed on as it is', async outcome => {
  const { fallback, opened, log } = arrange(outcome);
  expect(await fallback.restore(createRestoreRequest())).toBe(outcome);
  expect(opened.times).toBe(0);
  expect(log.lines).toEqual([]);
});

test.each<[string, Outcome, string]>([
  [
    'is down',
    outage,
    "notice: The bucket is unavailable: connect ECONNREFUSED 10.0.0.1:80. GitHub's cache is used instead.",
  ],
  [
    'refuses',
    refusal,
    "warning: The bucket cannot be used, check the input 'accessKey': InvalidAccessKeyId (403). GitHub's cache is used instead.",
  ],
  [
    'gives no rights to a fork',
    fork,
    "notice: The bucket cannot be used: no credentials: a pull request from a fork gets no secrets. GitHub's cache is used instead.",
  ],
  [
    'cannot store the name',
    tooLong,
    "warning: The bucket cannot store this key: 1,090 bytes, at most 1024. GitHub's cache is used instead.",
  ],
])('GitHub’s cache is used for every call when the bucket %s, with one line', async (_, first, line) => {
  const { fallback, primary, github, log } = arrange(first);
  expect(await fallback.lookup(createLookupRequest())).toEqual({ ...hit, insteadOf: first });
  expect(await fallback.restore(createRestoreRequest())).toEqual({ ...hit, insteadOf: first });
  expect(await fallback.save(createSaveRequest())).toEqual({ ...hit, insteadOf: first });
  expect(log.lines).toEqual([line, line, line]);
  expect(primary.calls).toEqual(['lookup', 'restore', 'save']);
  expect(github.calls).toEqual(['lookup', 'restore', 'save']);
});

test.each([outage, refusal])(
  'a save that the store had begun to accept does not move on ($kind)',
  async first => {
    const accepted = { ...first, hasStoredBytes: true } as SaveOutcome;
    const { fallback, opened, log } = arrange(accepted, saved);
    expect(await fallback.save(createSaveRequest())).toBe(accepted);
    expect(opened.times).toBe(0);
    expect(log.lines).toEqual([]);
  },
);

test('a miss of GitHub’s cache after an outage of the bucket is a miss that carries the outage', async () => {
  const miss: Outcome = { kind: 'miss', diagnosis: undefined };
  const { fallback } = arrange(outage, miss);
  expect(await fallback.restore(createRestoreRequest())).toEqual({ ...miss, insteadOf: outage });
});

test('an outage of both caches has GitHub’s cause and carries the bucket’s', async () => {
  const second: Outcome = {
    ...{ kind: 'unavailable', source: 'github' },
    error: new StoreUnavailableError("GitHub's cache did not respond within 10 s"),
  };
  const { fallback } = arrange(outage, second);
  expect(await fallback.save(createSaveRequest())).toEqual({ ...second, insteadOf: outage });
});

test('the fallback opens the second backend once, and counts and closes both', async () => {
  const { fallback, primary, github, opened } = arrange(outage);
  expect(fallback.counters).toEqual({ requests: 2, retries: 1 });
  await fallback.lookup(createLookupRequest());
  await fallback.restore(createRestoreRequest());
  expect(opened.times).toBe(1);
  expect(fallback.counters).toEqual({ requests: 4, retries: 2 });
  fallback.close();
  expect([primary.closed, github.closed]).toEqual([true, true]);
});

test('without a second backend the outcome of the first one is final, and no line names the other', async () => {
  const log = recordingLog();
  const fallback = createFallback({
    primary: backend(outage),
    openSecondary: async () => undefined,
    log,
    nameInput,
  });
  expect(await fallback.restore(createRestoreRequest())).toBe(outage);
  expect(log.lines).toEqual([]);
});

test('a save that a policy refuses to the run is not sent to GitHub’s cache, but a restore reads it', async () => {
  const error = new PolicyRefusedError('this run may not assume the role', { input: 'role-to-assume' });
  const refused: Outcome = { kind: 'refused', source: 's3', error };
  const { fallback, github, log } = arrange(refused);
  expect(await fallback.save(createSaveRequest())).toBe(refused);
  expect(github.calls).toEqual([]);
  expect(log.lines).toEqual([]);
  expect(await fallback.restore(createRestoreRequest())).toMatchObject({ kind: 'hit', source: 'github' });
  expect(log.lines).toEqual([
    "warning: The bucket cannot be used, check the input 'role-to-assume': this run may not assume the role. GitHub's cache is used instead.",
  ]);
});
