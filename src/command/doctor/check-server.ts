import { TOOL } from '../../action/backend/open-backend.ts';
import { createTrialName } from '../../cache/keys/trial-names.ts';
import type { Log } from '../../report/log.ts';
import { systemClock } from '../../retry/clock.ts';
import { delaySignal } from '../../retry/signals.ts';
import { WaitedTime } from '../../retry/stall-limit.ts';
import { TIME_LIMITS } from '../../retry/time-limits.ts';
import type { CallSpec } from '../../storage/s3/calls/call.ts';
import { describeEndpoint, type S3Settings } from '../../storage/s3/s3-settings.ts';
import { StoreRefusedError, StoreUnavailableError } from '../../storage/store-errors.ts';
import { CONNECTION_CHECKS, connectionFinding, failedCheck } from './explain.ts';
import type { Finding, FindingReporter } from './finding.ts';
import { checkMultipart } from './multipart-checks.ts';
import { checkDelete, checkObjects } from './object-checks.ts';
import { speaksTls } from './speaks-tls.ts';
import type { CommandSender, Trial, TrialPrefixes } from './trial.ts';

interface ServerOptions {
  readonly settings: S3Settings;
  readonly prefixes: TrialPrefixes;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Largest difference of two clocks, in ms, that AWS and radosgw accept. */
const MAX_SKEW_MS = 15 * 60_000;
/** Difference of two clocks, in ms, above which the ages of caches are visibly wrong. */
const NOTED_SKEW_MS = 60_000;

/** Time in ms to remove the trial objects after an interrupt. The process ends 5 s after it (interrupt.ts). */
const CLEAN_UP_MS = 4000;

/** Checks a bucket: the connection by a listing, then the calls of jobs, with trial objects that are deleted. */
export async function checkServer(options: ServerOptions, report: FindingReporter): Promise<void> {
  const { log, prefixes, signal } = options;
  const settings = { ...options.settings, attempts: Math.min(2, options.settings.attempts) };
  const { Caller, isStatus, sdk, tlsRefusal } = await import('../../storage/s3/s3-store.ts');
  const caller = new Caller(settings, {
    log,
    userAgent: TOOL,
    clock: systemClock,
    timeLimits: TIME_LIMITS,
    // The command prints no secret (settings.ts)
    mask() {},
    bucketWasDown: false,
    waited: new WaitedTime(),
  });
  const { bucket } = settings;
  const specOf = (operation: string, limit: AbortSignal): CallSpec => ({
    operation,
    about: 'a trial',
    signal: limit,
    hasOtherWay: true,
    maxBodyBytes: 1024 * 1024,
  });
  const sendUntil =
    (limit: AbortSignal): CommandSender =>
    (operation, command) =>
      caller.send(specOf(operation, limit), command);
  const afterInterrupt = delaySignal(signal, CLEAN_UP_MS, systemClock);
  const trial: Trial = {
    sdk,
    isStatus,
    tlsRefusal,
    bucket,
    prefixes,
    root: createTrialName(prefixes.caches),
    stored: new Set(),
    signal,
    report,
    call: (operation, attempt) => caller.run(specOf(operation, signal), attempt),
    send: sendUntil(signal),
    cleanUp: sendUntil(afterInterrupt.signal),
  };
  try {
    const canList = await checkConnection(trial, settings, () => caller.serverTimeMs);
    if (canList === 'unreachable') return;
    try {
      await checkMultipart(trial, await checkObjects(trial, canList));
    } finally {
      await checkDelete(trial);
    }
  } finally {
    afterInterrupt.clear();
    caller.close();
  }
}

/** Makes the first call, and reports the checks that it passes and fails. Returns whether the listing is allowed. */
async function checkConnection(
  trial: Trial,
  settings: S3Settings,
  serverTimeMs: () => number,
): Promise<boolean | 'unreachable'> {
  const { sdk, bucket, prefixes, send, report, signal } = trial;
  const { endpoint, region } = settings;
  let failure: unknown;
  try {
    const input = { Bucket: bucket, Prefix: prefixes.caches, MaxKeys: 1 };
    await send('ListObjectsV2', new sdk.ListObjectsV2Command(input));
  } catch (error) {
    if (!(error instanceof StoreRefusedError || error instanceof StoreUnavailableError)) throw error;
    failure = error;
  }
  const isPlain = endpoint?.protocol === 'http:';
  const gotNoResponse = failure instanceof StoreUnavailableError;
  const expectsTls = gotNoResponse && isPlain && (await speaksTls(endpoint, signal));
  const failed = failure === undefined ? undefined : expectsTls ? 'TLS' : failedCheck(failure, trial);
  const skewMs = Date.now() - serverTimeMs();
  const found = {
    endpoint: describeEndpoint(settings),
    TLS: isPlain ? 'none: plain http' : 'the certificate is trusted',
    clock: `${Math.abs(Math.round(skewMs / 1000))} s from the server's`,
    credentials: 'accepted',
    bucket: `${bucket}, region ${region}`,
    list: 's3:ListBucket',
  };
  for (const check of CONNECTION_CHECKS) {
    if (check === failed) {
      const finding = connectionFinding(check, failure, settings);
      report(
        expectsTls ? { ...finding, found: 'The port expects https, and the request was http.' } : finding,
      );
      // A refused listing still shows that the checks before it pass
      return check === 'list' ? false : 'unreachable';
    }
    if (check === 'clock' && Math.abs(skewMs) > NOTED_SKEW_MS) report(skewFinding(skewMs));
    else report({ check, result: 'ok', found: found[check] });
  }
  return true;
}

function skewFinding(skewMs: number): Finding {
  const seconds = Math.abs(Math.round(skewMs / 1000));
  return {
    check: 'clock',
    result: Math.abs(skewMs) > MAX_SKEW_MS ? 'failed' : 'limited',
    found: `This machine's clock is ${seconds} s ${skewMs > 0 ? 'ahead of' : 'behind'} the server's.`,
    meaning:
      'servers refuse requests whose time is off by 15 minutes: each job sends its first request twice, and other clients fail.',
    fix: 'synchronise the clock of this machine (chrony, systemd-timesyncd).',
  };
}
