import type { Log } from '../report/log.ts';
import type { StorageBackend } from './backend.ts';
import {
  describeUnserved,
  isRefusedByPolicy,
  isSecretlessRun,
  isUnserved,
  type Outcome,
  type Unserved,
} from './outcomes.ts';
import type { NameInput } from './store-errors.ts';

interface FallbackOptions {
  readonly primary: StorageBackend;
  /** Opens the second backend when it is needed. Returns undefined, and logs the reason, if this runner has none. */
  readonly openSecondary: () => Promise<StorageBackend | undefined>;
  readonly log: Log;
  readonly nameInput: NameInput;
}

/**
 * Decorates a backend with a second one, which is used when the first is unavailable or refuses. Every other outcome of the first
 * is final: a miss is a miss. A save uses the second only while the first has accepted no byte of the archive. It does not use it
 * if a policy of the store refuses it to this run: no restore would read it, because the bucket serves restores.
 */
export function createFallback({ primary, openSecondary, log, nameInput }: FallbackOptions): StorageBackend {
  let secondary: StorageBackend | undefined;

  /** Logs why GitHub's cache is used: a notice for a fork or an outage, which ends by itself, and a warning otherwise. */
  function announce(first: Unserved): void {
    const line = `${describeUnserved(first, nameInput)}. GitHub's cache is used instead.`;
    if (first.kind === 'unavailable' || isSecretlessRun(first)) log.notice(line);
    else log.warning(line);
  }

  async function call<O extends Outcome>(
    method: (backend: StorageBackend) => Promise<O>,
    isFinal: (first: Unserved) => boolean = () => false,
  ): Promise<O> {
    const first = await method(primary);
    if (!isUnserved(first) || first.hasStoredBytes || isFinal(first)) return first;
    secondary ??= await openSecondary();
    if (!secondary) return first;
    announce(first);
    return { ...(await method(secondary)), insteadOf: first };
  }

  return {
    lookup: request => call(backend => backend.lookup(request)),
    restore: request => call(backend => backend.restore(request)),
    save: request => call(backend => backend.save(request), isRefusedByPolicy),
    get counters() {
      const [first, second] = [primary.counters, secondary?.counters];
      return {
        requests: first.requests + (second?.requests ?? 0),
        retries: first.retries + (second?.retries ?? 0),
      };
    },
    close() {
      primary.close();
      secondary?.close();
    },
  };
}
