import path from 'node:path';
import type { S3Settings } from '../../storage/s3/s3-settings.ts';
import { parseEndpoint, parseStsEndpoint } from './endpoint.ts';
import { AWS_REGION_HOST, REGION_VARIABLES } from './input-names.ts';
import type { BucketInputs } from './inputs.ts';
import { BadInputError, badValue, type Environment, quoteValue, readInput } from './read-input.ts';

/** A store of archives that the inputs name. */
export type StoreTarget =
  | { readonly kind: 's3'; readonly settings: S3Settings }
  | { readonly kind: 'directory'; readonly root: string };

/** The store of this step's caches. */
export type Target =
  | StoreTarget
  /** GitHub's cache, as with actions/cache, because no bucket is set. `ignored` lists the inputs that have no effect then. */
  | { readonly kind: 'github'; readonly ignored: readonly string[] };

interface TargetOptions {
  readonly env: Environment;
  /** Whether a pull request from a fork has started the run. Then the run gets no role of the machine. */
  readonly forkPullRequest: boolean;
  /** Whether the step saves. Then it assumes the role of `role-to-assume-for-save`, if that is set. */
  readonly saves: boolean;
}

/** Inputs that have an effect only with a bucket. */
const BUCKET_ONLY = [
  'endpoint',
  'port',
  'insecure',
  'accessKey',
  'secretKey',
  'sessionToken',
  'role-to-assume',
  'role-to-assume-for-save',
  'audience',
  'sts-endpoint',
  'region',
  'ca-file',
  'server-side-encryption',
  'sse-kms-key-id',
  'prefix',
  'scope',
  'overwrite',
  'disk-cache',
  'disk-cache-size',
] as const;

/** Decides which store the step uses, and how. Throws `BadInputError`. */
export function resolveTarget(inputs: BucketInputs, options: TargetOptions): Target {
  const attempts = inputs.retry ? inputs.retryCount + 1 : 1;
  const endpoint = parseEndpoint(inputs);
  checkBucket(inputs.bucket);
  if (endpoint?.kind === 'directory') {
    // `bucket` is optional here, and names a directory inside the endpoint's
    return { kind: 'directory', root: path.join(endpoint.path, inputs.bucket) };
  }
  if (inputs.bucket === '') {
    return { kind: 'github', ignored: BUCKET_ONLY.filter(name => readInput(options.env, name) !== '') };
  }
  const aws = endpoint === undefined ? {} : parseAwsHost(endpoint.url.hostname);
  return {
    kind: 's3',
    settings: {
      // The SDK uses the host of the region in place of the global one, the default of tespkg/actions-cache
      endpoint: aws?.isGlobal ? undefined : endpoint?.url,
      region: regionOf(inputs, options.env, aws?.region),
      bucket: inputs.bucket,
      credentials: credentialsOf(inputs),
      missingKey: findMissingKey(inputs),
      role: roleOf(inputs, options.saves, aws === undefined ? endpoint?.url : undefined),
      onlySaveHasRole: !options.saves && inputs.roleToAssume === '' && inputs.roleToAssumeForSave !== '',
      instanceMetadata: aws !== undefined && !options.forkPullRequest,
      forkPullRequest: options.forkPullRequest,
      forcePathStyle: aws === undefined,
      caFile: inputs.caFile || undefined,
      encryption: encryptionOf(inputs),
      environment: options.env,
      attempts,
    },
  };
}

function checkBucket(bucket: string): void {
  // `tenant:bucket` is a bucket of another tenant in RADOS Gateway
  if (bucket === '' || /^[A-Za-z0-9](?:[A-Za-z0-9._:-]*[A-Za-z0-9])?$/.test(bucket)) return;
  throw badValue('bucket', bucket, "the name of a bucket: letters, digits, '.', '-' and '_'");
}

/** Parses the name of a host of AWS. Returns undefined for any other host. */
function parseAwsHost(hostname: string): { isGlobal?: boolean; region?: string } | undefined {
  if (!/(?:^|\.)amazonaws\.com(?:\.cn)?\.?$/.test(hostname)) return undefined;
  if (hostname === 's3.amazonaws.com') return { isGlobal: true };
  const region = AWS_REGION_HOST.exec(hostname)?.[1];
  return region === undefined ? {} : { region };
}

function regionOf(inputs: BucketInputs, env: Environment, ofHost: string | undefined): string {
  const region = inputs.region || ofHost || env.AWS_REGION || env.AWS_DEFAULT_REGION || 'us-east-1';
  // A label of a host name, as the SDK requires it
  if (/^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(region)) return region;
  const variable = REGION_VARIABLES.find(name => !inputs.region && env[name] === region);
  throw new BadInputError(
    'region',
    `is ${quoteValue(region)}${variable ? ` (${variable})` : ''}, but it must be a name such as us-east-1 (at most 63 letters, digits and '-', with no '-' at an end).`,
  );
}

/**
 * Returns the keys that the inputs have. Returns undefined if one is missing, as on a pull request from a fork, which gets no
 * secrets. Then the keys of the environment and of other sources are used (storage/s3/credentials/credentials.ts).
 */
function credentialsOf({ accessKey, secretKey, sessionToken }: BucketInputs): S3Settings['credentials'] {
  if (!accessKey || !secretKey) return undefined;
  return {
    accessKeyId: accessKey,
    secretAccessKey: secretKey,
    ...(sessionToken ? { sessionToken } : {}),
  };
}

/** Returns the role that this step assumes. Returns undefined if it assumes none. */
function roleOf(inputs: BucketInputs, saves: boolean, server: URL | undefined): S3Settings['role'] {
  const { roleToAssume, roleToAssumeForSave, audience } = inputs;
  const input = saves && roleToAssumeForSave !== '' ? 'role-to-assume-for-save' : 'role-to-assume';
  const arn = input === 'role-to-assume' ? roleToAssume : roleToAssumeForSave;
  // This is checked also where only the other phase assumes a role, so that main fails before its first request
  const hasRole = roleToAssume !== '' || roleToAssumeForSave !== '';
  const stsEndpoint = hasRole ? parseStsEndpoint(inputs, server) : undefined;
  return arn === '' ? undefined : { arn, input, audience, stsEndpoint };
}

function encryptionOf({ serverSideEncryption, sseKmsKeyId }: BucketInputs): S3Settings['encryption'] {
  if (sseKmsKeyId !== undefined && serverSideEncryption !== 'aws:kms') {
    throw new BadInputError(
      'sse-kms-key-id',
      name =>
        `is ${quoteValue(sseKmsKeyId)}, but a key is used only if ${name('server-side-encryption')} is aws:kms.`,
    );
  }
  if (serverSideEncryption === undefined) return undefined;
  return { algorithm: serverSideEncryption, kmsKeyId: sseKmsKeyId };
}

/** Returns the missing input if only one of the two keys is set. The cause is often a misspelt name of a secret. */
function findMissingKey({ accessKey, secretKey }: BucketInputs): S3Settings['missingKey'] {
  if (!accessKey === !secretKey) return undefined;
  return accessKey ? 'secretKey' : 'accessKey';
}
