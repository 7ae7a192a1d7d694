import { closeSync, constants, openSync } from 'node:fs';
import { onTestFinished } from 'vitest';

/** Files that the test's process has open, for Windows. */

/** Flags that open without any sharing (UV_FS_O_EXLOCK of libuv). */
export const EXCLUSIVE = constants.O_RDWR | 0x10000000;

/** Opens a file until the end of the test. Returns a function that closes it before; it may be called again. */
export function keepOpen(file: string, flags: number): () => void {
  const fd = openSync(file, flags);
  let isOpen = true;
  const close = () => {
    if (isOpen) closeSync(fd);
    isOpen = false;
  };
  onTestFinished(close);
  return close;
}
