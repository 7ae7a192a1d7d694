import { describe, expect, it } from 'vitest';
import { DamagedArchiveError } from '../../src/archive/archive-errors.ts';
import type { CacheMatch, SaveOutcome, StorageBackend } from '../../src/storage/backend.ts';
import { createFallback } from '../../src/storage/fallback.ts';
import {
  NameTooLongError,
  StoreRefusedError,
  StoreUnavailableError,
} from '../../src/storage/store-errors.ts';
import { lookupRequest, recordingLog, restoreRequest, saveRequest } from '../support/requests.ts';

/** A backend that does as it is told: an Error is thrown, anything else answered. */
function backend(source: 's3' | 'directory' | 'github', answer: unknown) {
  const asked: string[] = [];
  const act = (what: string) => async () => {
    asked.push(what);
    if (answer instanceof Error) throw answer;
    return answer as never;
  };
  const made: StorageBackend & { asked: string[]; closed: boolean } = {
    source,
    asked,
    closed: false,
    lookup: act('lookup'),
    restore: act('restore'),
    save: act('save'),
    async diagnose() {
      asked.push('diagnose');
      return 'saved with other paths';
    },
    counters: { requests: 2, retries: 1 },
    close() {
      made.closed = true;
    },
  };
  return made;
}

function arrange(
  first: unknown,
  second: unknown,
  options: { enabled?: boolean; source?: 's3' | 'directory' } = {},
) {
  const log = recordingLog();
  const primary = backend(options.source ?? 's3', first);
  const github = backend('github', second);
  const made = { times: 0 };
  const secondary = async () => {
    made.times += 1;
    return github;
  };
  const fallback = createFallback({ primary, secondary, enabled: options.enabled ?? true, log });
  return { fallback, primary, github, log, made };
}

const hit: CacheMatch = { source: 'github', key: 'key', exact: true, sizeBytes: 1 };
const saved: SaveOutcome = {
  result: 'saved',
  source: 'github',
  sizeBytes: 1,
  entries: undefined,
  rawBytes: undefined,
  reusedBytes: 0,
};
const outage = () => new StoreUnavailableError('connect ECONNREFUSED 10.0.0.1:80');
const refusal = () => new StoreRefusedError('InvalidAccessKeyId (403)', "the input 'accessKey'");
const tooLong = () => new NameTooLongError('1,090 bytes, at most 1024');

function accepted<E extends StoreUnavailableError | StoreRefusedError>(error: E): E {
  error.accepted = true;
  return error;
}

describe('a bucket that answers', () => {
  it('is the only one asked, for a hit', async () => {
    const { fallback, made } = arrange(hit, undefined);
    expect(await fallback.restore(restoreRequest())).toEqual(hit);
    expect(made.times).toBe(0);
  });

  it('is the only one asked for a miss: a miss is a miss', async () => {
    const { fallback, made, log } = arrange(undefined, hit);
    expect(await fallback.lookup(lookupRequest())).toBeUndefined();
    expect(await fallback.restore(restoreRequest())).toBeUndefined();
    expect(made.times).toBe(0);
    expect(log.lines).toEqual([]);
    expect(fallback.unanswered).toBeUndefined();
    expect(fallback.bucketDown).toBe(false);
  });

  it('hands on damage and asks nobody else', async () => {
    const damage = new DamagedArchiveError('frame 3 has the wrong checksum');
    const { fallback, made } = arrange(damage, hit);
    await expect(fallback.restore(restoreRequest())).rejects.toBe(damage);
    expect(made.times).toBe(0);
  });

  it('hands on an abort', async () => {
    const abort = new DOMException('cancelled', 'AbortError');
    const { fallback, made } = arrange(abort, hit);
    await expect(fallback.save(saveRequest())).rejects.toBe(abort);
    expect(made.times).toBe(0);
  });

  it('explains a miss, and nothing before it', async () => {
    const { fallback } = arrange(undefined, hit);
    expect(await fallback.diagnose?.(lookupRequest())).toBeUndefined();
    await fallback.restore(restoreRequest());
    expect(await fallback.diagnose?.(lookupRequest())).toBe('saved with other paths');
  });
});

describe('a bucket that does not answer', () => {
  it('sends a lookup and a restore to the second backend, said in one line', async () => {
    const { fallback, primary, github, log } = arrange(outage(), hit);
    expect(await fallback.lookup(lookupRequest())).toEqual(hit);
    expect(log.lines).toEqual([
      "notice: The bucket cannot be reached: connect ECONNREFUSED 10.0.0.1:80. GitHub's cache is asked instead.",
    ]);
    expect(primary.asked).toEqual(['lookup']);
    expect(github.asked).toEqual(['lookup']);
    expect(fallback.unanswered).toBeUndefined();
  });

  it('is told to the post step', async () => {
    const { fallback } = arrange(outage(), hit);
    expect(fallback.bucketDown).toBe(false);
    await fallback.restore(restoreRequest());
    expect(fallback.bucketDown).toBe(true);
  });

  it('is not asked again in this process', async () => {
    const { fallback, primary, github, made } = arrange(outage(), undefined);
    await fallback.lookup(lookupRequest());
    await fallback.restore(restoreRequest());
    expect(await fallback.diagnose?.(lookupRequest())).toBeUndefined();
    expect(primary.asked).toEqual(['lookup']);
    expect(github.asked).toEqual(['lookup', 'restore']);
    expect(made.times).toBe(1);
  });

  it('sends a save to the second backend while none of its bytes was accepted', async () => {
    const { fallback, github } = arrange(outage(), saved);
    expect(await fallback.save(saveRequest())).toEqual(saved);
    expect(github.asked).toEqual(['save']);
  });

  it('ends a save of which a byte was accepted', async () => {
    const error = accepted(outage());
    const { fallback, made, log } = arrange(error, saved);
    await expect(fallback.save(saveRequest())).rejects.toBe(error);
    expect(made.times).toBe(0);
    expect(log.lines).toEqual([]);
    expect(fallback.bucketDown).toBe(true);
  });

  it('is named as what it is when it is a directory', async () => {
    const { fallback, log } = arrange(outage(), hit, { source: 'directory' });
    await fallback.lookup(lookupRequest());
    expect(log.lines[0]).toMatch(/^notice: The cache directory cannot be reached: /);
  });
});

describe('a bucket that refuses', () => {
  it('is a warning that names the setting, and the second backend is asked', async () => {
    const { fallback, github, log } = arrange(refusal(), hit);
    expect(await fallback.restore(restoreRequest())).toEqual(hit);
    expect(log.lines).toEqual([
      "warning: The bucket refuses, look at the input 'accessKey': InvalidAccessKeyId (403). GitHub's cache is asked instead.",
    ]);
    expect(github.asked).toEqual(['restore']);
  });

  it('is not asked why, when the miss is GitHub’s', async () => {
    const { fallback, primary } = arrange(refusal(), undefined);
    await fallback.restore(restoreRequest());
    expect(await fallback.diagnose?.(lookupRequest())).toBeUndefined();
    expect(primary.asked).toEqual(['restore']);
  });

  it('is not down: the post step tries as always', async () => {
    const { fallback } = arrange(refusal(), hit);
    await fallback.restore(restoreRequest());
    expect(fallback.bucketDown).toBe(false);
  });

  it('ends a save of which a byte was accepted', async () => {
    const error = accepted(new StoreRefusedError('QuotaExceeded (403)', "the input 'bucket'"));
    const { fallback, made } = arrange(error, saved);
    await expect(fallback.save(saveRequest())).rejects.toBe(error);
    expect(made.times).toBe(0);
  });
});

describe('a name that the bucket cannot hold', () => {
  it.each(['lookup', 'restore', 'save'] as const)('is one warning with the limit for %s', async method => {
    const { fallback, github, log } = arrange(tooLong(), hit);
    if (method === 'lookup') await fallback.lookup(lookupRequest());
    if (method === 'restore') await fallback.restore(restoreRequest());
    if (method === 'save') await fallback.save(saveRequest());
    expect(log.lines).toEqual([
      "warning: The bucket cannot hold this key: 1,090 bytes, at most 1024. GitHub's cache is asked instead.",
    ]);
    expect(github.asked).toEqual([method]);
    expect(fallback.bucketDown).toBe(false);
  });
});

describe('use-fallback: false', () => {
  it.each([
    ['an outage', outage()],
    ['a refusal', refusal()],
    ['a long name', tooLong()],
  ])('makes %s a warning and a miss', async (_, error) => {
    const { fallback, made, log } = arrange(error, hit, { enabled: false });
    expect(await fallback.lookup(lookupRequest())).toBeUndefined();
    expect(fallback.unanswered).toBe(error.message);
    expect(log.lines).toHaveLength(1);
    expect(log.lines[0]).toMatch(/^warning: .*\.$/);
    expect(log.lines[0]).not.toContain("GitHub's cache");
    expect(made.times).toBe(0);
  });

  it('fails a save with its cause', async () => {
    const error = outage();
    const { fallback, made } = arrange(error, saved, { enabled: false });
    await expect(fallback.save(saveRequest())).rejects.toBe(error);
    expect(made.times).toBe(0);
  });
});

describe('when the second backend fails too', () => {
  it('a restore is a warning and no answer, which is not a miss', async () => {
    const second = new StoreUnavailableError("GitHub's cache did not respond within 10 s");
    const { fallback, log } = arrange(outage(), second);
    expect(await fallback.restore(restoreRequest())).toBeUndefined();
    expect(fallback.unanswered).toBe("GitHub's cache did not respond within 10 s");
    expect(log.lines.at(-1)).toBe("warning: GitHub's cache did not respond within 10 s.");
  });

  it('so is one whose second backend cannot be made', async () => {
    const log = recordingLog();
    const fallback = createFallback({
      primary: backend('s3', outage()),
      secondary: async () => {
        throw new StoreUnavailableError("GitHub's cache is not available on this runner");
      },
      enabled: true,
      log,
    });
    expect(await fallback.restore(restoreRequest())).toBeUndefined();
    expect(fallback.unanswered).toBe("GitHub's cache is not available on this runner");
  });

  it('a save fails with the second cause', async () => {
    const second = new StoreUnavailableError("GitHub's cache did not respond within 10 s");
    await expect(arrange(outage(), second).fallback.save(saveRequest())).rejects.toBe(second);
  });
});

it('counts and closes both', async () => {
  const { fallback, primary, github } = arrange(outage(), hit);
  expect(fallback.counters).toEqual({ requests: 2, retries: 1 });
  await fallback.lookup(lookupRequest());
  expect(fallback.counters).toEqual({ requests: 4, retries: 2 });
  fallback.close();
  expect([primary.closed, github.closed]).toEqual([true, true]);
});
