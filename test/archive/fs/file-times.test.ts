import {
  closeSync,
  fstatSync,
  futimesSync,
  lstatSync,
  lutimesSync,
  openSync,
  symlinkSync,
  utimesSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  FileTimes,
  fileTimes,
  MAX_MTIME_US,
  type Mtime,
  splitMtime,
} from '../../../src/archive/fs/file-times.ts';
import { SeededRandom } from '../../support/random.ts';
import { scratch } from '../../support/scratch.ts';

const nsOf = ({ mtimeUs, mtimeRestNs }: Mtime) => BigInt(mtimeUs) * 1000n + BigInt(mtimeRestNs);

/** Seconds at which something changes: powers of two, limits of file systems, and of 32 bits. */
const EDGES = [0, 1, 2 ** 20, 2 ** 30 - 1, 2 ** 30, 1.6e9, 1.75e9, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1];
const FRACTIONS = [0, 1, 237, 238, 239, 500, 999, 1000, 999_999, 1_000_000, 5e8, 999_999_000, 999_999_999];

/** Times up to 2106, where a double of seconds is more exact than half a microsecond. */
function* sampleTimes(count: number): Generator<bigint> {
  for (const second of EDGES) for (const ns of FRACTIONS) yield BigInt(second) * 1_000_000_000n + BigInt(ns);
  const random = new SeededRandom(1);
  for (let index = 0; index < count; index++) {
    // Half of them of the last years
    const second = index % 2 === 0 ? random.below(2 ** 32) : 1.7e9 + random.below(1e8);
    yield BigInt(second) * 1_000_000_000n + BigInt(random.below(1e9));
  }
}

describe('times of this process', () => {
  test('10,000 restored times are never later, at most 0.5 us earlier, and do not drift', () => {
    const file = join(scratch(), 'file');
    const fd = openSync(file, 'w');
    const set = (mtime: Mtime) => {
      futimesSync(fd, 0, fileTimes.toSeconds(mtime));
      return fstatSync(fd, { bigint: true }).mtimeNs;
    };
    // libuv 1.51 and the systems without nanoseconds keep microseconds, Windows multiples of 1.6 us, after 2057 of 3.2 us
    const isExact = fileTimes.toRestored({ mtimeUs: 1, mtimeRestNs: 999 }).mtimeRestNs > 0;
    const mostNs = process.platform === 'win32' ? 3200n : isExact ? 500n : 1600n;
    try {
      for (const ns of sampleTimes(10_000)) {
        const restored = set(splitMtime(ns));
        if (restored > ns || ns - restored > mostNs) expect.fail(`${ns} was restored as ${restored}`);
        const again = set(splitMtime(restored));
        if (again !== restored) expect.fail(`${ns} was restored as ${restored} and then as ${again}`);
        if (nsOf(fileTimes.toRestored(splitMtime(ns))) !== restored) expect.fail(`${ns} is forecast wrongly`);
      }
    } finally {
      closeSync(fd);
    }
  });

  test('utimes and lutimes set the same time as futimes', () => {
    const [file, link] = [join(scratch(), 'file'), join(scratch(), 'link')];
    closeSync(openSync(file, 'w'));
    symlinkSync('nowhere', link);
    for (const ns of sampleTimes(200)) {
      const seconds = fileTimes.toSeconds(splitMtime(ns));
      utimesSync(file, 0, seconds);
      lutimesSync(link, 0, seconds);
      const expected = nsOf(fileTimes.toRestored(splitMtime(ns)));
      for (const path of [file, link]) expect(lstatSync(path, { bigint: true }).mtimeNs).toBe(expected);
    }
  });
});

/** The result of `utimes`, in ns, as the sources of libuv compute it. */
const libuv = {
  nanoseconds(seconds: number): bigint {
    const whole = Math.trunc(seconds);
    return BigInt(whole) * 1_000_000_000n + BigInt(Math.trunc((seconds - whole) * 1e9));
  },
  microseconds(seconds: number): bigint {
    const ns = libuv.nanoseconds(seconds);
    return ns - (ns % 1000n);
  },
  timeval(seconds: number): bigint {
    const whole = Math.trunc(seconds);
    return BigInt(whole) * 1_000_000_000n + BigInt(Math.trunc((seconds - whole) * 1e6)) * 1000n;
  },
  filetime(seconds: number): bigint {
    return (BigInt(Math.trunc(seconds * 1e7 + 116_444_736_000_000_000)) - 116_444_736_000_000_000n) * 100n;
  },
};

describe.each([
  ['Linux with libuv 1.52', 'linux', '1.52.1', libuv.nanoseconds, 500n],
  ['Linux with libuv 2', 'linux', '2.0.0', libuv.nanoseconds, 500n],
  ['Linux with libuv 1.51', 'linux', '1.51.0', libuv.microseconds, 1000n],
  ['macOS with libuv 1.52', 'darwin', '1.52.1', libuv.nanoseconds, 500n],
  ['macOS with libuv 1.51', 'darwin', '1.51.0', libuv.microseconds, 1000n],
  ['macOS with libuv 1.50', 'darwin', '1.50.0', libuv.timeval, 1000n],
  // 1.6 us until 2057
  ['Windows', 'win32', '1.52.1', libuv.filetime, 3200n],
] as const)('times of %s', (_, platform, version, resultOf, gridNs) => {
  const times = new FileTimes(platform, version);

  test('a restored time is never later, less than the grid earlier, and does not drift', () => {
    for (const ns of sampleTimes(10_000)) {
      const restored = resultOf(times.toSeconds(splitMtime(ns)));
      const again = resultOf(times.toSeconds(splitMtime(restored)));
      // Without `expect`, which takes most of the time of so many cases
      if (restored > ns || ns - restored >= gridNs || again !== restored)
        expect.fail(`${ns} is restored as ${restored} and then as ${again}`);
      if (nsOf(times.toRestored(splitMtime(ns))) !== restored) expect.fail(`${ns} is forecast wrongly`);
    }
  });

  test('a time on disk is equal to its own and to the restored time, and to no other', () => {
    for (const ns of sampleTimes(500)) {
      const mtime = splitMtime(ns);
      const restored = nsOf(times.toRestored(mtime));
      expect(times.isRestored(mtime, mtime)).toBe(true);
      expect(times.isRestored(mtime, splitMtime(restored))).toBe(true);
      expect(times.isRestored(mtime, splitMtime(ns + 1n))).toBe(false);
      if (restored > 0n) expect(times.isRestored(mtime, splitMtime(restored - 1n))).toBe(false);
    }
  });
});

describe('splitMtime', () => {
  test('a time is split into microseconds and nanoseconds', () => {
    expect(splitMtime(1_600_000_000_123_456_789n)).toEqual({
      mtimeUs: 1_600_000_000_123_456,
      mtimeRestNs: 789,
    });
  });

  test.each([-1n, -86_400_000_000_000n, 0n])('the time %i ns before 1970 becomes 1970', ns => {
    expect(splitMtime(ns)).toEqual({ mtimeUs: 0, mtimeRestNs: 0 });
  });

  test('a time after 2112 becomes the latest time, whose differences are exact', () => {
    const latest = { mtimeUs: MAX_MTIME_US, mtimeRestNs: 0 };
    expect(splitMtime(2n ** 60n * 1000n)).toEqual(latest);
    expect(splitMtime(BigInt(MAX_MTIME_US + 1) * 1000n)).toEqual(latest);
    expect(splitMtime(BigInt(MAX_MTIME_US) * 1000n + 999n)).toEqual({ ...latest, mtimeRestNs: 999 });
  });
});
