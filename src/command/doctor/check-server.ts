import { describeEndpoint, type S3Settings } from '../../storage/s3/s3-settings.ts';
import { StoreRefusedError, StoreUnavailableError } from '../../storage/store-errors.ts';
import { CONNECTION_CHECKS, connectionFinding, failedCheck } from './explain.ts';
import type { Finding, FindingReporter } from './finding.ts';
import { checkMultipart } from './multipart-checks.ts';
import { checkDelete, checkObjects } from './object-checks.ts';
import { speaksTls } from './speaks-tls.ts';
import { createTrial, type ServerOptions, type Trial } from './trial.ts';

/** Largest difference of two clocks, in ms, that AWS and radosgw accept. */
const MAX_SKEW_MS = 15 * 60_000;
/** Difference of two clocks, in ms, above which the ages of caches are visibly wrong. */
const NOTED_SKEW_MS = 60_000;

/** Checks a bucket: the connection by a listing, then the calls of jobs, with trial objects that are deleted. */
export async function checkServer(options: ServerOptions, report: FindingReporter): Promise<void> {
  const trial = await createTrial(options, report);
  try {
    const canList = await checkConnection(trial, options.settings);
    if (canList === 'unreachable') return;
    try {
      await checkMultipart(trial, await checkObjects(trial, canList));
    } finally {
      await checkDelete(trial);
    }
  } finally {
    trial.close();
  }
}

/** Makes the first call, and reports the checks that it passes and fails. Returns whether the listing is allowed. */
async function checkConnection(trial: Trial, settings: S3Settings): Promise<boolean | 'unreachable'> {
  const { sdk, bucket, prefixes, send, report, signal, serverTimeMs } = trial;
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
