import { afterEach, beforeEach, vi } from 'vitest';

/** Keeps the text that each test of a file writes to standard output from the output of the tests. */
export function captureStdout(): { readonly written: string } {
  const captured = { written: '' };
  beforeEach(() => {
    captured.written = '';
    vi.spyOn(process.stdout, 'write').mockImplementation(text => {
      captured.written += text;
      return true;
    });
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });
  return captured;
}
