import type { AwsCredentialIdentity, AwsCredentialIdentityProvider } from '@smithy/types';
import type { Clock } from '../../../retry/clock.ts';
import { deadline, unlessAborted } from '../../../retry/signals.ts';
import { StoreRefusedError } from '../../store-errors.ts';
import type { S3Settings } from '../s3-settings.ts';

const INSTANCE_METADATA_MS = 2000;
/** All sources together: a web identity is exchanged over the network. */
const CREDENTIALS_MS = 9000;

/** A refresh begins this long before the credentials expire. */
const REFRESH_BEFORE_MS = 300_000;

/**
 * What signs the requests: the settings' own keys, else the environment, a web identity token, the shared file, and the
 * instance metadata service only where the settings allow it: elsewhere a runner would wait for an address that nobody
 * answers, or lend a fork's pull request the machine's own role. With AWS_PROFILE the shared file goes before the
 * web identity, and the environment's keys are not asked (the rule of @aws-sdk/credential-provider-node 3).
 *
 * The providers are imported when they are asked: most runs have keys.
 */
export function credentialsFor(
  settings: S3Settings,
  clock: Clock,
): AwsCredentialIdentity | AwsCredentialIdentityProvider {
  if (settings.credentials) return settings.credentials;
  let known: Promise<AwsCredentialIdentity> | undefined;
  return async () => {
    const expires = (await known?.catch(() => undefined))?.expiration;
    if (expires && expires.getTime() - Date.now() < REFRESH_BEFORE_MS) known = undefined;
    known ??= fromSources(settings, clock);
    return known;
  };
}

type Source = () => Promise<AwsCredentialIdentity>;

async function fromSources(settings: S3Settings, clock: Clock): Promise<AwsCredentialIdentity> {
  const limit = deadline(CREDENTIALS_MS, clock);
  const reasons: string[] = [];
  try {
    for (const [name, source] of sources(settings)) {
      try {
        return await unlessAborted(source(), limit.signal);
      } catch (error) {
        reasons.push(`${name}: ${describe(error as Error)}`);
        if (limit.signal.aborted) break;
      }
    }
  } finally {
    limit.clear();
  }
  throw new StoreRefusedError(
    'no credentials: set accessKey and secretKey, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY' +
      (reasons.length > 0 ? ` (${reasons.join('; ')})` : ''),
    `the input '${settings.missingKey ?? 'accessKey'}'`,
  );
}

/** The provider's words, but for Node's on a process: they quote its command line and all that it printed. */
function describe({ message }: Error): string {
  return message.startsWith('Command failed') ? 'credential_process failed' : message.replace(/\.$/, '');
}

function* sources({ region, instanceMetadata }: S3Settings): Generator<[string, Source]> {
  const env = process.env;
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = env;
  if (accessKeyId && secretAccessKey && !env.AWS_PROFILE) {
    const sessionToken = env.AWS_SESSION_TOKEN;
    yield [
      'environment',
      async () => ({ accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) }),
    ];
  }
  const file: [string, Source] = [
    'shared file',
    async () => {
      const { fromIni } = await import('@aws-sdk/credential-provider-ini');
      return fromIni({ parentClientConfig: { region } })();
    },
  ];
  if (env.AWS_PROFILE) yield file;
  if (env.AWS_WEB_IDENTITY_TOKEN_FILE && env.AWS_ROLE_ARN) {
    const provider = () => import('@aws-sdk/credential-provider-web-identity');
    yield [
      'web identity',
      async () => (await provider()).fromTokenFile({ parentClientConfig: { region, maxAttempts: 1 } })(),
    ];
  }
  if (!env.AWS_PROFILE) yield file;
  if (!instanceMetadata) return;
  const imds = () => import('@smithy/credential-provider-imds');
  const limits = { timeout: INSTANCE_METADATA_MS, maxRetries: 0 };
  if (env.AWS_CONTAINER_CREDENTIALS_RELATIVE_URI || env.AWS_CONTAINER_CREDENTIALS_FULL_URI) {
    yield ['container', async () => (await imds()).fromContainerMetadata(limits)()];
  } else if (env.AWS_EC2_METADATA_DISABLED !== 'true') {
    yield ['instance metadata', async () => (await imds()).fromInstanceMetadata(limits)()];
  }
}
