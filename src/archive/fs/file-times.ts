/**
 * Times of files, in nanoseconds. Node sets a time from a double of seconds, which today is a multiple of 238 ns, and libuv
 * converts it to the system's units. A restore may set an earlier time, but never a later one: ninja, CMake and Meson rebuild a
 * target that is older than its source by a nanosecond.
 */

/** A file's modification time. */
export interface Mtime {
  /** Whole microseconds since 1970, 0 to `MAX_MTIME_US`. */
  readonly mtimeUs: number;
  /** Nanoseconds after these, 0 to 999. */
  readonly mtimeRestNs: number;
}

/** The latest time of an archive, in September 2112: the difference of any two is an exact number. */
export const MAX_MTIME_US = 2 ** 52 - 1;

/** Splits a time in nanoseconds. A time before 1970 becomes 1970, and a time after 2112 becomes `MAX_MTIME_US`. */
export function splitMtime(ns: bigint): Mtime {
  if (ns <= 0n) return { mtimeUs: 0, mtimeRestNs: 0 };
  const mtimeUs = Number(ns / 1000n);
  if (mtimeUs > MAX_MTIME_US) return { mtimeUs: MAX_MTIME_US, mtimeRestNs: 0 };
  return { mtimeUs, mtimeRestNs: Number(ns % 1000n) };
}

/** Splits a time in ms that `Stats` has rounded to a double, as `splitMtime` does. The result may differ by a microsecond. */
export function roundedMtime(ms: number): Mtime {
  return { mtimeUs: Math.min(Math.max(0, Math.floor(ms * 1000)), MAX_MTIME_US), mtimeRestNs: 0 };
}

/** Returns whether two times are equal to the nanosecond. */
export function isSameMtime(a: Mtime, b: Mtime): boolean {
  return a.mtimeUs === b.mtimeUs && a.mtimeRestNs === b.mtimeRestNs;
}

/** Rules by which a system converts the seconds that `utimes` receives. */
interface Conversion {
  /** Returns the file's time in ns after `second`. */
  resultNs(seconds: number, second: number): number;
  /** The resolution in ns, if it is coarser than that of a double. */
  readonly resolutionNs: number;
}

/** `uv__fs_to_timespec` of libuv 1.52 (src/unix/fs.c). */
const NANOSECONDS: Conversion = {
  resultNs: (seconds, second) => {
    const whole = Math.floor(seconds);
    return (whole - second) * 1e9 + Math.floor((seconds - whole) * 1e9);
  },
  resolutionNs: 1,
};

/** `uv__fs_to_timespec` of libuv 1.51, which truncates to microseconds, and `uv__fs_to_timeval` of earlier ones on macOS. */
const MICROSECONDS: Conversion = {
  resultNs: (seconds, second) => {
    const ns = NANOSECONDS.resultNs(seconds, second);
    return ns - (ns % 1000);
  },
  resolutionNs: 1000,
};

/** The beginning of 1970 in the time of Windows, 100 ns since 1601. */
const WINDOWS_EPOCH = 116_444_736_000_000_000;

/** `TIME_T_TO_FILETIME` of libuv (src/win/fs.c): the sum is a double, a multiple of 1.6 us, after 2057 of 3.2 us. */
const FILETIME: Conversion = {
  resultNs: (seconds, second) =>
    (Math.trunc(seconds * 1e7 + WINDOWS_EPOCH) - WINDOWS_EPOCH - second * 1e7) * 100,
  resolutionNs: 1,
};

/** Step of a search, less than the distance of two doubles of seconds after 1974, so that no possible time is skipped. */
const STEP_NS = 25;

/** Computes the times that a version of libuv sets on a platform. */
export class FileTimes {
  readonly #conversion: Conversion;

  constructor(platform: NodeJS.Platform, libuv: string) {
    this.#conversion = conversionOf(platform, libuv);
  }

  /** Returns the seconds for `utimes` that give a file the latest possible time that is not after `mtime`. */
  toSeconds(mtime: Mtime): number {
    const { resultNs, resolutionNs } = this.#conversion;
    const [second, ns] = [secondOf(mtime), fractionOf(mtime)];
    // Begins in the middle of a unit of the system, which is never too early
    let target = ns - (ns % resolutionNs) + resolutionNs / 2;
    let seconds = second + target / 1e9;
    while (resultNs(seconds, second) > ns) {
      target -= STEP_NS;
      seconds = second + target / 1e9;
    }
    return seconds;
  }

  /** Returns the time of a file after `utimes` with `toSeconds(mtime)`. */
  toRestored(mtime: Mtime): Mtime {
    const second = secondOf(mtime);
    const ns = this.#conversion.resultNs(this.toSeconds(mtime), second);
    const us = Math.floor(ns / 1000);
    return { mtimeUs: second * 1e6 + us, mtimeRestNs: ns - us * 1000 };
  }

  /** Returns whether `onDisk` is the time `mtime`, or the one that a restore sets in its place. */
  isRestored(mtime: Mtime, onDisk: Mtime): boolean {
    return isSameMtime(mtime, onDisk) || isSameMtime(this.toRestored(mtime), onDisk);
  }
}

function conversionOf(platform: NodeJS.Platform, libuv: string): Conversion {
  if (platform === 'win32') return FILETIME;
  const [major, minor] = libuv.split('.').map(Number);
  // Since libuv 1.51, macOS has the code of Linux (libuv/libuv#4702)
  const isExact = (platform === 'linux' || platform === 'darwin') && (major! > 1 || minor! >= 52);
  return isExact ? NANOSECONDS : MICROSECONDS;
}

/** Times as this process sets them. */
export const fileTimes = new FileTimes(process.platform, process.versions.uv);

/** Returns the whole seconds of a time. */
export function secondOf({ mtimeUs }: Pick<Mtime, 'mtimeUs'>): number {
  return Math.floor(mtimeUs / 1e6);
}

/** Returns the nanoseconds after the whole second. */
export function fractionOf({ mtimeUs, mtimeRestNs }: Mtime): number {
  return (mtimeUs % 1e6) * 1000 + mtimeRestNs;
}
