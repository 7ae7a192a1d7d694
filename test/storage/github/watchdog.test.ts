import { describe, expect, it } from 'vitest';
import { GITHUB_TIMEOUTS, Watchdog } from '../../../src/storage/github/watchdog.ts';

const serviceExpired = 'did not respond within 10 s';
const transferExpired = 'did not respond: no byte was transferred for 30 s';

describe('a call of the service', () => {
  it('expires after 10 s', () => {
    const watchdog = new Watchdog(GITHUB_TIMEOUTS);
    watchdog.requestStarted('service', 1000);
    expect(watchdog.expired(10_999)).toBeUndefined();
    expect(watchdog.expired(11_000)).toBe(serviceExpired);
  });

  it('has one clock for all its attempts, however many bytes they transfer', () => {
    const watchdog = new Watchdog(GITHUB_TIMEOUTS);
    watchdog.requestStarted('service', 0);
    watchdog.bytesMoved(500, 3000);
    watchdog.requestStarted('service', 3000);
    watchdog.bytesMoved(1000, 9000);
    expect(watchdog.expired(10_000)).toBe(serviceExpired);
  });

  it('has a new clock after a transfer', () => {
    const watchdog = new Watchdog(GITHUB_TIMEOUTS);
    watchdog.requestStarted('service', 0);
    watchdog.requestStarted('transfer', 5000);
    watchdog.requestStarted('service', 20_000);
    expect(watchdog.expired(29_999)).toBeUndefined();
    expect(watchdog.expired(30_000)).toBe(serviceExpired);
  });
});

describe('a transfer', () => {
  it('does not expire while bytes move', () => {
    const watchdog = new Watchdog(GITHUB_TIMEOUTS);
    watchdog.requestStarted('transfer', 0);
    for (let now = 0; now <= 300_000; now += 29_000) {
      expect(watchdog.expired(now)).toBeUndefined();
      watchdog.bytesMoved(now + 1, now);
    }
  });

  it('expires 30 s after its last byte', () => {
    const watchdog = new Watchdog(GITHUB_TIMEOUTS);
    watchdog.requestStarted('transfer', 0);
    watchdog.bytesMoved(100, 1000);
    watchdog.bytesMoved(100, 20_000);
    expect(watchdog.expired(30_999)).toBeUndefined();
    expect(watchdog.expired(31_000)).toBe(transferExpired);
  });

  it('gains no time by a new request that moves nothing', () => {
    const watchdog = new Watchdog(GITHUB_TIMEOUTS);
    watchdog.requestStarted('transfer', 0);
    watchdog.requestStarted('transfer', 29_000);
    expect(watchdog.expired(30_000)).toBe(transferExpired);
  });
});

describe('work on this machine', () => {
  it('does not expire before the first request', () => {
    expect(new Watchdog(GITHUB_TIMEOUTS).expired(1_000_000)).toBeUndefined();
  });

  it('does not expire while a program runs, nor after it until the next request', () => {
    const watchdog = new Watchdog(GITHUB_TIMEOUTS);
    watchdog.requestStarted('transfer', 0);
    watchdog.programStarted();
    expect(watchdog.expired(1_000_000)).toBeUndefined();
    watchdog.programEnded();
    expect(watchdog.expired(2_000_000)).toBeUndefined();
    watchdog.requestStarted('service', 2_000_000);
    expect(watchdog.expired(2_010_000)).toBe(serviceExpired);
  });

  it('does not expire while one of several programs runs, whatever is requested meanwhile', () => {
    const watchdog = new Watchdog(GITHUB_TIMEOUTS);
    watchdog.programStarted();
    watchdog.programStarted();
    watchdog.requestStarted('transfer', 0);
    watchdog.programEnded();
    expect(watchdog.expired(1_000_000)).toBeUndefined();
    watchdog.programEnded();
    expect(watchdog.expired(1_000_000)).toBe(transferExpired);
  });
});
