let stuck = 0;

/** Counts a thread that hangs in a call of the system, until it has `ended`: the process cannot end by waiting for it. */
export function countStuckThread(ended: Promise<unknown>): void {
  stuck++;
  void ended.finally(() => {
    stuck--;
  });
}

export function hasStuckThread(): boolean {
  return stuck > 0;
}
