import { describe, expect, it } from 'vitest';
import { Watchdog } from '../../../src/storage/github/watchdog.ts';

const limits = { serviceMs: 10_000, idleMs: 30_000 };

describe('a question to the service', () => {
  it('may take as long as its limit', () => {
    const watchdog = new Watchdog(limits);
    watchdog.requestStarted('service', 1000);
    expect(watchdog.overdue(10_999)).toBeUndefined();
    expect(watchdog.overdue(11_000)).toBe('did not answer within 10 s');
  });

  it('has one clock for all its attempts, however many bytes they move', () => {
    const watchdog = new Watchdog(limits);
    watchdog.requestStarted('service', 0);
    watchdog.bytesMoved(500, 3000);
    watchdog.requestStarted('service', 3000);
    watchdog.bytesMoved(1000, 9000);
    expect(watchdog.overdue(10_000)).toBe('did not answer within 10 s');
  });

  it('starts afresh after a transfer', () => {
    const watchdog = new Watchdog(limits);
    watchdog.requestStarted('service', 0);
    watchdog.requestStarted('transfer', 5000);
    watchdog.requestStarted('service', 20_000);
    expect(watchdog.overdue(29_999)).toBeUndefined();
    expect(watchdog.overdue(30_000)).toBe('did not answer within 10 s');
  });
});

describe('a transfer', () => {
  it('may take any time while bytes move', () => {
    const watchdog = new Watchdog(limits);
    watchdog.requestStarted('transfer', 0);
    for (let now = 0; now <= 300_000; now += 29_000) {
      expect(watchdog.overdue(now)).toBeUndefined();
      watchdog.bytesMoved(now + 1, now);
    }
  });

  it('ends when none has moved for the limit', () => {
    const watchdog = new Watchdog(limits);
    watchdog.requestStarted('transfer', 0);
    watchdog.bytesMoved(100, 1000);
    watchdog.bytesMoved(100, 20_000);
    expect(watchdog.overdue(30_999)).toBeUndefined();
    expect(watchdog.overdue(31_000)).toBe('did not answer: no byte moved for 30 s');
  });

  it('gains no time by a new request that moves nothing', () => {
    const watchdog = new Watchdog(limits);
    watchdog.requestStarted('transfer', 0);
    watchdog.requestStarted('transfer', 29_000);
    expect(watchdog.overdue(30_000)).toBe('did not answer: no byte moved for 30 s');
  });
});

describe('work on this machine', () => {
  it('has no limit before the first request', () => {
    expect(new Watchdog(limits).overdue(1_000_000)).toBeUndefined();
  });

  it('has no limit while a program runs, nor after it until the next request', () => {
    const watchdog = new Watchdog(limits);
    watchdog.requestStarted('transfer', 0);
    watchdog.childStarted();
    expect(watchdog.overdue(1_000_000)).toBeUndefined();
    watchdog.childEnded();
    expect(watchdog.overdue(2_000_000)).toBeUndefined();
    watchdog.requestStarted('service', 2_000_000);
    expect(watchdog.overdue(2_010_000)).toBe('did not answer within 10 s');
  });

  it('has no limit while one of several programs runs, whatever is asked meanwhile', () => {
    const watchdog = new Watchdog(limits);
    watchdog.childStarted();
    watchdog.childStarted();
    watchdog.requestStarted('transfer', 0);
    watchdog.childEnded();
    expect(watchdog.overdue(1_000_000)).toBeUndefined();
    watchdog.childEnded();
    expect(watchdog.overdue(1_000_000)).toBe('did not answer: no byte moved for 30 s');
  });
});
