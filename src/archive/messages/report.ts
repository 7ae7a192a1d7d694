/** Messages of a thread to the main thread on the requests that it has got (pool/threads.ts). */

/** A report on request `id`. The last one has its outcome. */
export interface Report<A = unknown> {
  readonly id: number;
  /** Bytes that the request has moved since its last report. */
  readonly bytes?: number;
  readonly end?: { readonly answer: A };
}

/** Bytes are reported within this many ms: later, they would hide how long nothing has followed them. */
const REPORT_MS = 200;

/** Bytes of one request that are to be reported. */
export interface UnreportedBytes {
  /** Adds bytes, which are reported within 200 ms, or as soon as there are `atOnce`. */
  add(bytes: number): void;
  /** Returns the bytes that are not reported yet. They are not reported later. */
  end(): number;
}

export function collectBytes(
  report: (bytes: number) => void,
  atOnce = Number.POSITIVE_INFINITY,
): UnreportedBytes {
  let unreported = 0;
  let due: NodeJS.Timeout | undefined;
  const end = () => {
    clearTimeout(due);
    due = undefined;
    const bytes = unreported;
    unreported = 0;
    return bytes;
  };
  return {
    add(bytes) {
      unreported += bytes;
      if (unreported >= atOnce) report(end());
      else due ??= setTimeout(() => report(end()), REPORT_MS);
    },
    end,
  };
}
