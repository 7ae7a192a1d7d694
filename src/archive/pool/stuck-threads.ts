let stuck = false;

/** Notes that a thread of this process hangs in a call of the system, so that the process cannot end by waiting for it. */
export function noteStuckThread(): void {
  stuck = true;
}

export function hasStuckThread(): boolean {
  return stuck;
}
