import { TOOL } from '../../action/backend/open-backend.ts';
import { createTrialName } from '../../cache/keys/trial-names.ts';
import type { Log } from '../../report/log.ts';
import { systemClock } from '../../retry/clock.ts';
import { delaySignal } from '../../retry/signals.ts';
import { WaitedTime } from '../../retry/stall-limit.ts';
import { TIME_LIMITS } from '../../retry/time-limits.ts';
import type { Attempt, CallSpec, S3Command } from '../../storage/s3/calls/call.ts';
import type { ServiceInputTypes, ServiceOutputTypes } from '../../storage/s3/calls/sdk.ts';
import type { S3Settings } from '../../storage/s3/s3-settings.ts';
import type { FindingReporter } from './finding.ts';

/** The part of a store in which a trial reads and writes, for credentials that are limited to it. */
export interface TrialPrefixes {
  /** The prefix of its caches. */
  readonly caches: string;
  /** The prefix of their markers. */
  readonly markers: string;
}

export interface ServerOptions {
  readonly settings: S3Settings;
  readonly prefixes: TrialPrefixes;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Time in ms to remove the trial objects after an interrupt. The process ends 5 s after it (interrupt.ts). */
const CLEAN_UP_MS = 4000;

/** A server that is checked. Its calls throw the errors of the store contract. */
export type Trial = Awaited<ReturnType<typeof createTrial>>;

/** Creates the trial of a server. Each call has two attempts, and no failure opens the circuit. Opens no connection yet. */
export async function createTrial(
  { settings, prefixes, log, signal }: ServerOptions,
  report: FindingReporter,
) {
  const { Caller, isStatus, sdk, tlsRefusal } = await import('../../storage/s3/s3-store.ts');
  const caller = new Caller(
    { ...settings, attempts: Math.min(2, settings.attempts) },
    {
      log,
      userAgent: TOOL,
      clock: systemClock,
      timeLimits: TIME_LIMITS,
      // The command prints no secret (settings.ts)
      mask() {},
      bucketWasDown: false,
      waited: new WaitedTime(),
    },
  );
  const specOf = (operation: string, limit: AbortSignal): CallSpec => ({
    operation,
    about: 'a trial',
    signal: limit,
    hasOtherWay: true,
    maxBodyBytes: 1024 * 1024,
  });
  const sendUntil =
    (limit: AbortSignal) =>
    <I extends ServiceInputTypes, O extends ServiceOutputTypes>(
      operation: string,
      command: S3Command<I, O>,
    ) =>
      caller.send(specOf(operation, limit), command);
  const afterInterrupt = delaySignal(signal, CLEAN_UP_MS, systemClock);
  return {
    sdk,
    isStatus,
    tlsRefusal,
    bucket: settings.bucket,
    prefixes,
    /** Beginning of the names of all trial objects among the caches. */
    root: createTrialName(prefixes.caches),
    /** Names of trial objects that may exist, for `checkDelete`. */
    stored: new Set<string>(),
    signal,
    report,
    /** Makes a call. `operation` is S3's name of it. */
    call: <T>(operation: string, attempt: Attempt<T>) => caller.run(specOf(operation, signal), attempt),
    send: sendUntil(signal),
    /** Sends a command that removes a part of the trial, also in the 4 s after an interrupt. */
    cleanUp: sendUntil(afterInterrupt.signal),
    /** Returns the server's clock in ms since 1970, by its latest response. */
    serverTimeMs: () => caller.serverTimeMs,
    close() {
      afterInterrupt.clear();
      caller.close();
    },
  };
}
