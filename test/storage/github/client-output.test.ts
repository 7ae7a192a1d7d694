import { describe, expect, it } from 'vitest';
import { ClientOutput } from '../../../src/storage/github/client-output.ts';
import { readFailure, saveFailure } from '../../../src/storage/github/outcome.ts';
import { recordingLog } from '../../support/requests.ts';

function read(lines: readonly string[], clock: { now: number } = { now: 0 }) {
  const log = recordingLog();
  const printed: string[] = [];
  const output = new ClientOutput(
    log,
    line => printed.push(line),
    () => clock.now,
  );
  for (const line of lines) output.read(line);
  return { output, log, printed };
}

const conflict =
  'Failed to CreateCacheEntry: Received non-retryable error: Failed request: (409) Conflict: cache entry with the same key already exists';
const guess = 'Failed to save: Unable to reserve cache with key k, another job may be creating this cache.';

function savedWith(reason: string) {
  const { output } = read([`::debug::Failed to reserve cache: Error: ${reason}`, guess]);
  return () => saveFailure(output);
}

describe('what is known of a call', () => {
  it('is how often it was repeated, and why the last time', () => {
    const attempt = (number: number, reason: string) =>
      `Attempt ${number} of 5 failed with error: ${reason}. Retrying request in 3000 ms...`;
    const { output } = read([attempt(1, 'ECONNRESET'), attempt(2, 'Failed request: (503) Busy')]);
    expect([output.retries, output.lastAttempt]).toEqual([2, 'Failed request: (503) Busy']);
    expect([read([]).output.retries, read([]).output.lastAttempt]).toEqual([0, undefined]);
  });

  it.each([
    ['of a download', 'Cache Size: ~1 MB (1234567 B)', 1_234_567],
    ['of an upload', '::debug::File Size: 1234567', 1_234_567],
    ['of nothing yet', 'Cache Size: unknown', undefined],
  ])('is the size %s', (_, line, sizeBytes) => {
    expect(read([line, 'Cache restored successfully']).output.sizeBytes).toBe(sizeBytes);
  });
});

describe('what the user sees', () => {
  it('keeps masks as they are and everything ordinary at debug level', () => {
    const { log, printed } = read([
      '::add-mask::secret',
      'Cache hit for: key',
      '[command]/usr/bin/tar -xf cache.tzst',
      '::debug::Archive path: /tmp/x',
    ]);
    expect(printed).toEqual(['::add-mask::secret']);
    expect(log.shown).toEqual([]);
    expect(log.lines).toContain('debug: Archive path: /tmp/x');
  });

  it('shows progress every five seconds', () => {
    const clock = { now: 0 };
    const { output, log } = read([], clock);
    for (; clock.now < 12_000; clock.now += 1000)
      output.read(`Received ${clock.now} of 12000 (1.0%), 1.0 MBs/sec`);
    expect(log.shown.map(line => line.split(' of')[0])).toEqual([
      'info: Received 0',
      'info: Received 5000',
      'info: Received 10000',
    ]);
  });

  it('shows a rate limit as a warning', () => {
    const line = "You've hit a rate limit, your rate limit will reset in 9 seconds";
    expect(read([`::warning::${line}`]).log.shown).toEqual([`warning: GitHub's cache: ${line}`]);
  });

  it('does not print a failure twice: it is in the error', () => {
    const { output, log } = read([
      '::warning::uploadCacheArchiveSDK: x',
      '::error::Failed to save: a%0Ab%25',
    ]);
    expect(log.shown).toEqual([]);
    expect(output.failure).toBe('a\nb%');
  });
});

describe('a read without a result', () => {
  it('is a miss when nothing failed', () => {
    expect(readFailure(read(['::debug::Cache not found for version 0 of keys: k']).output)).toBeUndefined();
  });

  it.each([
    [
      'Failed to make request after 5 attempts: Failed request: (503) Service Unavailable',
      "GitHub's cache did not answer: Failed request: (503) Service Unavailable",
    ],
    [
      'Unable to make request: ECONNREFUSED%0AIf you are using self-hosted runners, please ...',
      "GitHub's cache did not answer: Unable to make request: ECONNREFUSED",
    ],
    ['cache read denied: no scopes', "GitHub's cache refuses this run: cache read denied: no scopes"],
    [
      '/usr/bin/tar failed with error: The process failed with exit code 2',
      "GitHub's cache answered, but its archive could not be unpacked, and some of its files may be there: /usr/bin/tar failed with error: The process failed with exit code 2",
    ],
  ])('is a failure after "%s"', (line, message) => {
    expect(readFailure(read([`::warning::Failed to restore: ${line}`]).output)?.message).toBe(message);
  });
});

describe('a save without a result', () => {
  it('is another job only when the service says so', () => {
    expect(savedWith(conflict)()).toEqual({ result: 'exists', source: 'github' });
    expect(savedWith('Response was not ok')()).toEqual({ result: 'exists', source: 'github' });
  });

  it.each([
    [
      'Failed to CreateCacheEntry: Unable to make request: ECONNRESET',
      /did not answer: .*ECONNRESET/,
      'Unavailable',
    ],
    ['Failed to CreateCacheEntry: Cache storage quota has been hit.', /is full: .*quota/, 'Refused'],
    ['cache write denied: read-only', /refuses this run: cache write denied: read-only/, 'Refused'],
  ])('is a failure after "%s", whatever the client guesses', (reason, message, kind) => {
    expect(savedWith(reason)).toThrow(
      expect.objectContaining({ message: expect.stringMatching(message), name: `Store${kind}Error` }),
    );
  });

  it('is a refusal when the cache mode forbids writing', () => {
    const line = "Cache save skipped: the effective cache-mode 'read' does not permit writes.";
    expect(() => saveFailure(read([line]).output)).toThrow(line);
  });

  it.each(['Cache storage quota has been hit.', 'cache write denied: read-only'])(
    'names nothing to mend after "%s"',
    reason => {
      expect(savedWith(reason)).toThrow(
        expect.objectContaining({ name: 'StoreRefusedError', lookAt: undefined }),
      );
    },
  );

  it('keeps the reason of a refused finalization', () => {
    expect(() => saveFailure(read(['::warning::entry is gone']).output)).toThrow('entry is gone');
  });
});
