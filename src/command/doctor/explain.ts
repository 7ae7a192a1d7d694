import type { S3Settings } from '../../storage/s3/s3-settings.ts';
import {
  NoCredentialsError,
  PolicyRefusedError,
  RoleError,
  RUNNER_CLOCK,
  StoreRefusedError,
  StoreUnavailableError,
} from '../../storage/store-errors.ts';
import { sentenceOf, settingName } from '../failure.ts';
import { bucketArn } from '../policy/roles.ts';
import type { Finding } from './finding.ts';
import type { Trial } from './trial.ts';

/** Explains failures of calls to an S3 server: the check that they belong to, and the setting to change. */

/** The checks that the first call makes, in the order in which it passes them. */
export const CONNECTION_CHECKS = ['endpoint', 'TLS', 'clock', 'credentials', 'bucket', 'list'] as const;
type ConnectionCheck = (typeof CONNECTION_CHECKS)[number];

/** Checks of the connection, by the inputs that a refusal names. */
const CHECKS: Readonly<Record<string, ConnectionCheck>> = {
  'ca-file': 'TLS',
  insecure: 'TLS',
  accessKey: 'credentials',
  secretKey: 'credentials',
  sessionToken: 'credentials',
  bucket: 'bucket',
  region: 'bucket',
};

/** Returns the check at which the first call, a listing, has failed. */
export function failedCheck(
  error: unknown,
  { isStatus, tlsRefusal }: Pick<Trial, 'isStatus' | 'tlsRefusal'>,
): ConnectionCheck {
  if (!(error instanceof StoreRefusedError)) return 'endpoint';
  const { cause, settings } = error;
  if (tlsRefusal(cause) !== undefined) return 'TLS';
  if (settings.includes(RUNNER_CLOCK)) return 'clock';
  // The role or its token failed, or there are no credentials at all
  if (error instanceof RoleError || error instanceof NoCredentialsError) return 'credentials';
  const [first = ''] = settings;
  if (typeof first === 'string') return error instanceof PolicyRefusedError ? 'list' : 'endpoint';
  if (first.input.startsWith('role-to-assume')) return 'credentials';
  const isDenied = isStatus(cause, 401, 403) && (cause.code === undefined || cause.code === 'AccessDenied');
  if (isDenied) return 'list';
  // A refusal because of the region names the endpoint first, although the endpoint has responded
  const [check = 'endpoint'] = settings.flatMap(one =>
    typeof one === 'string' ? [] : (CHECKS[one.input] ?? []),
  );
  return check;
}

/** Returns the finding for a failed connection check. */
export function connectionFinding(check: ConnectionCheck, error: unknown, settings: S3Settings): Finding {
  return { check, result: 'failed', found: sentenceOf(error), ...ADVICE[check](settings, error) };
}

type Advice = Pick<Finding, 'meaning' | 'fix'>;

const ADVICE: Readonly<Record<ConnectionCheck, (settings: S3Settings, error: unknown) => Advice>> = {
  endpoint: ({ endpoint }, error) => ({
    meaning: "jobs use GitHub's cache in place of the bucket, or no cache with use-fallback: false.",
    fix:
      error instanceof StoreUnavailableError
        ? `check that ${endpoint?.host ?? 'the host'} resolves and is reachable from here (firewall, proxy, port), or correct ${settingName('endpoint')}.`
        : `correct ${settingName('endpoint')}, or the proxy in front of the server.`,
  }),
  TLS: ({ endpoint }, error) => ({
    meaning: 'no request reaches the server.',
    fix:
      error instanceof StoreRefusedError &&
      error.settings.some(one => typeof one !== 'string' && one.input === 'insecure') &&
      endpoint?.protocol === 'https:'
        ? `use http: --insecure for an endpoint without a scheme, or ${settingName('endpoint')} with http://.`
        : endpoint?.protocol === 'http:'
          ? `use https: remove --insecure, or set ${settingName('endpoint')} with https://.`
          : `set ${settingName('ca-file')} to the authority of the server's certificate, or renew the certificate.`,
  }),
  clock: () => ({
    meaning: 'the server refuses every signed request.',
    fix: 'synchronise the clock of this machine (chrony, systemd-timesyncd), and that of the server.',
  }),
  credentials: () => ({
    meaning: 'the server refuses every request, and jobs report the setting that is wrong.',
    fix: `correct ${settingName('accessKey')} and ${settingName('secretKey')}; both must belong to one user.`,
  }),
  bucket: ({ bucket, region }) => ({
    meaning: 'no cache can be read or stored.',
    fix: `create the bucket ${bucket}, or correct ${settingName('bucket')} or ${settingName('region')} (now ${region}).`,
  }),
  list: ({ bucket }) => ({
    meaning:
      'restore-keys find nothing, a missing key is reported as a refusal, and this command lists nothing.',
    fix: allow('s3:ListBucket', bucketArn(bucket)),
  }),
};

/** Returns the advice to allow an action in the policy of the credentials. */
export function allow(actions: string, resource: string): string {
  return `allow ${actions} on ${resource} in the policy of the credentials or the bucket.`;
}

/** Returns the ARN of all objects below a prefix. */
export function objectsArn(bucket: string, prefix: string): string {
  return `${bucketArn(bucket)}/${prefix}*`;
}
