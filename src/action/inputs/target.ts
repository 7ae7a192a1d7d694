import path from 'node:path';
import type { S3Settings } from '../../storage/s3/s3-settings.ts';
import { BadInputError } from './bad-input.ts';
import { parseEndpoint } from './endpoint.ts';
import type { BucketInputs } from './inputs.ts';
import { type Environment, readInput } from './read-input.ts';

/** Where the cache of this step lives. */
export type Target =
  | { readonly kind: 's3'; readonly settings: S3Settings }
  | { readonly kind: 'directory'; readonly root: string }
  /** No bucket: GitHub's cache, as with actions/cache. `ignored` names the inputs that have no effect then. */
  | { readonly kind: 'github'; readonly ignored: readonly string[] };

export interface TargetOptions {
  readonly env: Environment;
  /** A pull request from a fork: its code is a stranger's, so the host's own identity is not lent to it. */
  readonly forkPullRequest: boolean;
}

/** Inputs that mean something to a bucket alone. */
const BUCKET_ONLY = [
  'endpoint',
  'port',
  'insecure',
  'accessKey',
  'secretKey',
  'sessionToken',
  'region',
  'ca-file',
  'prefix',
  'scope',
  'overwrite',
] as const;

/** Makes one target of the inputs and the environment. Throws `BadInputError`. */
export function resolveTarget(inputs: BucketInputs, options: TargetOptions): Target {
  const attempts = inputs.retry ? inputs.retryCount + 1 : 1;
  const endpoint = parseEndpoint(inputs);
  checkBucket(inputs.bucket);
  if (endpoint?.kind === 'directory') {
    // A directory needs no bucket; one that is named all the same is a directory in it.
    return { kind: 'directory', root: path.join(endpoint.path, inputs.bucket) };
  }
  if (inputs.bucket === '') {
    return { kind: 'github', ignored: BUCKET_ONLY.filter(name => readInput(options.env, name) !== '') };
  }
  const aws = endpoint === undefined ? {} : awsHost(endpoint.url.hostname);
  return {
    kind: 's3',
    settings: {
      // The SDK finds the region's own host, also where tespkg/actions-cache's default was spelled out.
      endpoint: aws?.global ? undefined : endpoint?.url,
      region: regionOf(inputs, options.env, aws?.region),
      bucket: inputs.bucket,
      credentials: credentialsOf(inputs),
      missingKey: missingKey(inputs),
      instanceMetadata: aws !== undefined && !options.forkPullRequest,
      forcePathStyle: aws === undefined,
      caFile: inputs.caFile === '' ? undefined : inputs.caFile,
      attempts,
    },
  };
}

function checkBucket(bucket: string): void {
  // RADOS Gateway spells a bucket of another tenant `tenant:bucket`.
  if (bucket === '' || /^[A-Za-z0-9](?:[A-Za-z0-9._:-]*[A-Za-z0-9])?$/.test(bucket)) return;
  throw new BadInputError(
    `Input 'bucket' is '${bucket}', but it has to be the name of a bucket: letters, digits, '.', '-' and '_'.`,
  );
}

/** undefined: not AWS. */
function awsHost(hostname: string): { readonly global?: boolean; readonly region?: string } | undefined {
  if (!/(?:^|\.)amazonaws\.com(?:\.cn)?\.?$/.test(hostname)) return undefined;
  if (hostname === 's3.amazonaws.com') return { global: true };
  const region = /^s3[.-]([a-z]{2}(?:-[a-z]+)+-\d)\./.exec(hostname)?.[1];
  return region === undefined ? {} : { region };
}

function regionOf(inputs: BucketInputs, env: Environment, ofHost: string | undefined): string {
  const region = inputs.region || ofHost || env.AWS_REGION || env.AWS_DEFAULT_REGION || 'us-east-1';
  if (/^[A-Za-z0-9-]+$/.test(region)) return region;
  throw new BadInputError(
    `Input 'region' is '${region}', but it has to be a name such as us-east-1 (letters, digits and '-').`,
  );
}

/**
 * The keys of the inputs. Half a pair counts as none, because an organisation's secret is empty on a fork's pull request.
 * undefined: what the environment and the other providers have (storage/s3/credentials.ts).
 */
function credentialsOf({ accessKey, secretKey, sessionToken }: BucketInputs): S3Settings['credentials'] {
  if (!accessKey || !secretKey) return undefined;
  return {
    accessKeyId: accessKey,
    secretAccessKey: secretKey,
    ...(sessionToken ? { sessionToken } : {}),
  };
}

/** Of half a pair, often a secret whose name is misspelt. */
function missingKey({ accessKey, secretKey }: BucketInputs): S3Settings['missingKey'] {
  if (!accessKey === !secretKey) return undefined;
  return accessKey ? 'secretKey' : 'accessKey';
}
