import * as core from '@actions/core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ClientOutput } from '../../../src/storage/github/client-output.ts';
import { recordingLog } from '../../support/requests.ts';

/** A fresh output, with what it logs, the keys it reports and the commands that reach the runner. */
function newOutput() {
  const log = recordingLog();
  const matches: string[] = [];
  const output = new ClientOutput(log, key => matches.push(key));
  return { output, log, matches };
}

function read(...messages: readonly string[]) {
  const all = newOutput();
  for (const message of messages) all.output.write(`${message}\n`);
  return all;
}

describe('the problem of a call', () => {
  it.each([
    ['a failed restore', ['::warning::Failed to restore: a%0Ab%25'], 'a'],
    ['a failed save', ['::error::Failed to save: cause'], 'cause'],
    ['a service that quotes a token', ['::warning::Failed to save: bad eyJhbGciOi.x.y here'], 'bad *** here'],
    ['a refused finalization', ['::warning::entry is gone'], 'entry is gone'],
    [
      'a reservation that failed in version 2',
      [
        '::debug::Failed to reserve cache: Error: Failed to CreateCacheEntry: cause',
        'Failed to save: Unable to reserve cache with key k, another job may be creating this cache.',
      ],
      'Failed to CreateCacheEntry: cause',
    ],
    [
      'a reservation that failed in version 1',
      [
        'Failed to save: Unable to reserve cache with key k, another job may be creating this cache. More details: cause',
      ],
      'cause',
    ],
    [
      'a reservation that the token does not allow',
      [
        '::debug::Failed to reserve cache: Error: cache write denied: read-only',
        '::warning::Failed to save: Unable to reserve cache with key k. More details: cache write denied: read-only',
      ],
      'cache write denied: read-only',
    ],
    [
      'a cache mode',
      ["Cache save skipped: the effective cache-mode 'read' does not permit writes."],
      "Cache save skipped: the effective cache-mode 'read' does not permit writes.",
    ],
    [
      'success',
      ['Cache hit for: k', '::debug::Archive path: /tmp/x', 'Cache restored successfully'],
      undefined,
    ],
  ])('after %s is its cause', (_, messages, problem) => {
    expect(read(...messages).output.problem).toBe(problem);
  });

  it('is at most 300 characters long', () => {
    expect(read(`::warning::Failed to restore: ${'x'.repeat(1_000_000)}`).output.problem).toHaveLength(300);
  });
});

it.each([
  'Attempt 2 of 5 failed with error: cause. Retrying request in 3000 ms...',
  'Attempt 2 of 5 failed with error: cause\nsecond line. Retrying request in 3000 ms...',
  '::debug::getCacheEntry - Attempt 2 of 2 failed with error: cause',
])('the cause of the last failed attempt is read from %j', message => {
  const first = 'Attempt 1 of 5 failed with error: first. Retrying request in 3000 ms...';
  expect(read(first, message).output.lastFailure).toBe('cause');
});

it.each([
  ['of a download', 'Cache Size: ~1 MB (1234567 B)', 1_234_567],
  ['of an upload', '::debug::File Size: 1234567', 1_234_567],
  ['that is not printed', 'Cache Size: unknown', undefined],
])('the size %s is read from the output', (_, message, sizeBytes) => {
  expect(read(message, 'Cache restored successfully').output.sizeBytes).toBe(sizeBytes);
});

it.each(['Cache hit for: ', 'Cache hit for restore-key: '])(
  'the matched key after "%s" is reported with all of its lines',
  lead => {
    expect(read(`${lead}key\nsecond line`).matches).toEqual(['key\nsecond line']);
  },
);

describe('the log of a call', () => {
  it('has ordinary messages at debug level', () => {
    const { log } = read(
      'Cache hit for: key',
      '[command]/usr/bin/tar -xf x',
      '::debug::Archive path: /tmp/x',
    );
    expect(log.lines).toEqual([
      'debug: Cache hit for: key',
      'debug: [command]/usr/bin/tar -xf x',
      'debug: Archive path: /tmp/x',
    ]);
  });

  it('has no problem as a line of its own, since the problem is in the error', () => {
    expect(read('::error::Failed to save: cause').log.shown).toEqual([]);
  });

  it('has a rate limit as a warning', () => {
    const text = "You've hit a rate limit, your rate limit will reset in 9 seconds";
    expect(read(`::warning::${text}`).log.shown).toEqual([`warning: GitHub's cache: ${text}`]);
  });

  it('has the errors of tar as whole lines', () => {
    const { output, log } = newOutput();
    output.write(Buffer.from('tar: a: Cannot'));
    output.write(Buffer.from(' open\r\ntar: b'));
    expect(log.lines).toEqual(['info: tar: a: Cannot open']);
  });

  describe('with a clock', () => {
    beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
    afterEach(() => void vi.useRealTimers());

    it('has progress every five seconds', () => {
      const { output, log } = newOutput();
      for (let second = 0; second < 12; second++) {
        output.write(`Received ${second} of 12 (1.0%), 1.0 MBs/sec\n`);
        vi.advanceTimersByTime(1000);
      }
      expect(log.shown.map(line => line.split(' of')[0])).toEqual([
        'info: Received 0',
        'info: Received 5',
        'info: Received 10',
      ]);
    });
  });
});

describe('the commands that reach the runner', () => {
  const commandsAfter = (write: (output: ClientOutput) => void): string => {
    const printed: string[] = [];
    const stdout = vi.spyOn(process.stdout, 'write').mockImplementation(chunk => {
      printed.push(String(chunk));
      return true;
    });
    try {
      write(newOutput().output);
    } finally {
      stdout.mockRestore();
    }
    return printed.join('');
  };

  it('are the masks of signatures and URLs', () => {
    const printed = commandsAfter(output => {
      output.write('::add-mask::c2lnbmF0dXJl%252B\n');
    });
    expect(printed.trimEnd()).toBe('::add-mask::c2lnbmF0dXJl%252B');
  });

  it.each([
    ['a mask of a short text', '::add-mask::error\n'],
    ['a mask of several words', '::add-mask::Cache restored\n'],
    ['a mask of two lines', '::add-mask::c2lnbmF0%0AdXJlYQ\n'],
    ['a mask after a line break in a key', 'Cache hit for: k\n::add-mask::c2lnbmF0dXJl\n'],
    ['another command after a line break in a key', 'Cache hit for: k\n::set-env name=A::b\n'],
    ['any other command', '::stop-commands::c2lnbmF0dXJl\n'],
    ['a command with properties', '::add-mask name=a::c2lnbmF0dXJl\n'],
  ])('are none for %s', (_, chunk) => {
    expect(commandsAfter(output => output.write(chunk))).toBe('');
  });

  it('are none for the output of tar', () => {
    const command = Buffer.from('::add-mask::c2lnbmF0dXJl\n');
    expect(commandsAfter(output => output.write(command))).toBe('');
  });

  it('is what @actions/core writes for a secret', () => {
    expect(commandsAfter(() => core.setSecret('a%b')).trimEnd()).toBe('::add-mask::a%25b');
  });
});
