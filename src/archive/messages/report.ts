/** Messages of a thread to the main thread about the requests that it has received (pool/threads.ts). */

/** A report on request `id`. The last one has its outcome. */
export interface Report<A = unknown> {
  readonly id: number;
  /** Bytes that the request has moved since its last report. */
  readonly bytes?: number;
  readonly end?: { readonly answer: A };
}

/** Time in ms within which bytes are reported: a later report would give the last progress too late a time. */
const REPORT_MS = 200;

/** Adds up bytes. Calls `report` with the sum 200 ms after the first of them, or as soon as the sum is `atOnce` or more. */
export function collectBytes(report: (bytes: number) => void, atOnce = Number.POSITIVE_INFINITY) {
  let unreported = 0;
  let due: NodeJS.Timeout | undefined;
  /** Returns the number of bytes that are not reported yet, and drops it. */
  const end = (): number => {
    clearTimeout(due);
    due = undefined;
    const bytes = unreported;
    unreported = 0;
    return bytes;
  };
  return {
    /** Adds bytes of the request. */
    add(bytes: number): void {
      unreported += bytes;
      if (unreported >= atOnce) report(end());
      else due ??= setTimeout(() => report(end()), REPORT_MS);
    },
    end,
  };
}
