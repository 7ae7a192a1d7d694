import { describe, expect, it } from 'vitest';
import { WaitedTime } from '../../../src/retry/stall-limit.ts';
import { createWatchdog, GITHUB_LIMITS } from '../../../src/storage/github/watchdog.ts';

/** The watchdog of a step that has waited this long for its bucket. */
function newWatchdog(bucketMs = 0) {
  const waited = new WaitedTime();
  waited.add(-bucketMs, 0);
  return createWatchdog(GITHUB_LIMITS, waited);
}

const serviceExpired = 'did not respond within 10 s';
const transferExpired = 'did not respond: less than 65536 bytes were transferred within 30 s';

describe('a call of the service', () => {
  it('expires after 10 s', () => {
    const watchdog = newWatchdog();
    watchdog.noteRequestStart('service', 1000);
    expect(watchdog.findExpired(10_999)).toBeUndefined();
    expect(watchdog.findExpired(11_000)).toBe(serviceExpired);
  });

  it('has one clock for all its attempts, however many bytes they transfer', () => {
    const watchdog = newWatchdog();
    watchdog.noteRequestStart('service', 0);
    watchdog.countBytes(500, 3000);
    watchdog.noteRequestStart('service', 3000);
    watchdog.countBytes(1000, 9000);
    expect(watchdog.findExpired(10_000)).toBe(serviceExpired);
  });

  it('has a new clock after a transfer', () => {
    const watchdog = newWatchdog();
    watchdog.noteRequestStart('service', 0);
    watchdog.noteRequestStart('transfer', 5000);
    watchdog.noteRequestStart('service', 20_000);
    expect(watchdog.findExpired(29_999)).toBeUndefined();
    expect(watchdog.findExpired(30_000)).toBe(serviceExpired);
  });
});

describe('a transfer', () => {
  it('does not expire while 64 KiB move within 30 s', () => {
    const watchdog = newWatchdog(40_000);
    watchdog.noteRequestStart('transfer', 0);
    for (let round = 1; round <= 10; round++) {
      watchdog.countBytes(round * 65_536, round * 11_000);
      expect(watchdog.findExpired(round * 11_000 + 10_999)).toBeUndefined();
    }
  });

  it('expires although a byte moves now and then', () => {
    const watchdog = newWatchdog();
    watchdog.noteRequestStart('transfer', 0);
    for (let now = 1000; now < 30_000; now += 1000) watchdog.countBytes(now / 1000, now);
    expect(watchdog.findExpired(30_000)).toBe(transferExpired);
  });

  it('expires 30 s after its last bytes', () => {
    const watchdog = newWatchdog();
    watchdog.noteRequestStart('transfer', 0);
    watchdog.countBytes(100_000, 1000);
    watchdog.countBytes(100_000, 20_000);
    expect(watchdog.findExpired(30_999)).toBeUndefined();
    expect(watchdog.findExpired(31_000)).toBe(transferExpired);
  });

  it('gains no time by a new request that moves nothing', () => {
    const watchdog = newWatchdog();
    watchdog.noteRequestStart('transfer', 0);
    watchdog.noteRequestStart('transfer', 29_000);
    expect(watchdog.findExpired(30_000)).toBe(transferExpired);
  });
});

describe('work on this machine', () => {
  it('does not expire before the first request', () => {
    expect(newWatchdog().findExpired(1_000_000)).toBeUndefined();
  });

  it('does not expire while a program runs, nor after it until the next request', () => {
    const watchdog = newWatchdog();
    watchdog.noteRequestStart('transfer', 0);
    watchdog.noteProgramStart(0);
    expect(watchdog.findExpired(1_000_000)).toBeUndefined();
    watchdog.noteProgramEnd();
    expect(watchdog.findExpired(2_000_000)).toBeUndefined();
    watchdog.noteRequestStart('service', 2_000_000);
    expect(watchdog.findExpired(2_010_000)).toBe(serviceExpired);
  });

  it('does not expire while one of several programs runs, whatever is requested meanwhile', () => {
    const watchdog = newWatchdog();
    watchdog.noteProgramStart(0);
    watchdog.noteProgramStart(0);
    watchdog.noteRequestStart('transfer', 0);
    watchdog.noteProgramEnd();
    expect(watchdog.findExpired(1_000_000)).toBeUndefined();
    watchdog.noteProgramEnd();
    expect(watchdog.findExpired(1_000_000)).toBe(transferExpired);
  });
});

describe('a step that has waited for its bucket', () => {
  it.each([
    ['40 s, as a restore may,', 40_000, 12],
    ['50 s, as a save may,', 50_000, 4],
    ['9 s, for the first response,', 9_000, 30],
  ])('%s leaves a transfer the rest of its time', (_, bucketMs, seconds) => {
    const watchdog = newWatchdog(bucketMs);
    watchdog.noteRequestStart('transfer', 0);
    expect(watchdog.findExpired(seconds * 1000 - 1)).toBeUndefined();
    expect(watchdog.findExpired(seconds * 1000)).toBe(
      `did not respond: less than 65536 bytes were transferred within ${seconds} s`,
    );
  });

  it('leaves a transfer what the service has not used', () => {
    const watchdog = newWatchdog(40_000);
    watchdog.noteRequestStart('service', 0);
    watchdog.noteRequestStart('transfer', 9000);
    expect(watchdog.findExpired(11_999)).toBeUndefined();
    expect(watchdog.findExpired(12_000)).toMatch(/within 3 s$/);
  });

  it('leaves each wait a second at least', () => {
    const watchdog = newWatchdog(50_000);
    watchdog.noteRequestStart('service', 0);
    watchdog.noteRequestStart('transfer', 3900);
    expect(watchdog.findExpired(4899)).toBeUndefined();
    expect(watchdog.findExpired(4900)).toMatch(/within 1 s$/);
  });
});
