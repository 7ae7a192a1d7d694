import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import type { AwsCredentialIdentity } from '@smithy/types';
import { readSmallFile } from '../../../archive/fs/small-file.ts';
import type { S3Settings } from '../s3-settings.ts';
import { homeDirectory, type Profile, readSharedFiles, type SharedFiles } from './shared-files.ts';

/** Bound of a web identity token in bytes. */
export const MAX_TOKEN_BYTES = 64 * 1024;

/** Maximum number of profiles in a chain of `source_profile`s. */
const MAX_CHAIN = 8;

/** Error of a source that does not exist, or that this run may not use. It has not failed. */
export class NoSourceError extends Error {
  override name = 'NoSourceError';
}

/**
 * Resolves the credentials of a profile in the shared AWS files. Returns its keys, if it has any. Otherwise checks that every file
 * that the SDK's provider reads is a regular one, and loads the provider. A pull request from a fork gets only keys.
 * @param client settings of the clients that the provider makes.
 * @throws NoSourceError if there is no default profile, or none for this run; an Error that gives the reason.
 */
export async function fromProfile(
  { environment: env, forkPullRequest, region }: S3Settings,
  client: Readonly<Record<string, unknown>>,
): Promise<AwsCredentialIdentity> {
  const name = env.AWS_PROFILE || 'default';
  const files = readSharedFiles(env);
  const chain = chainOf(name, files);
  const [profile] = chain;
  if (!profile) {
    const NoProfile = env.AWS_PROFILE ? Error : NoSourceError;
    throw new NoProfile(`there is no profile '${name}'`);
  }
  const keys = keysOf(profile);
  if (keys) return keys;
  if (forkPullRequest) {
    throw new NoSourceError(
      `the profile '${name}' has no keys, and a pull request from a fork gets no role of the runner`,
    );
  }
  checkFiles(chain);
  const { fromIni } = await import('@aws-sdk/credential-provider-ini');
  const { credentialsFile: filepath, configFile: configFilepath } = files;
  return fromIni({
    profile: name,
    filepath,
    configFilepath,
    clientConfig: chain.some(({ role_arn: role }) => role) ? { ...client, ...stsEndpoint(env) } : client,
    // A region in the profile takes precedence over this one
    parentClientConfig: { region, requestHandler: client.requestHandler },
  })();
}

/** Returns the endpoint of the STS as a setting of a client, if the environment names one. */
export function stsEndpoint(env: NodeJS.ProcessEnv): { readonly endpoint?: string } {
  const endpoint = env.AWS_ENDPOINT_URL_STS || env.AWS_ENDPOINT_URL;
  return endpoint ? { endpoint } : {};
}

/** Returns a profile and its chain of source profiles, up to the first that does not exist. */
function chainOf(name: string, { profiles }: SharedFiles): Profile[] {
  const chain: Profile[] = [];
  for (let next: string | undefined = name; next !== undefined; ) {
    const profile: Profile | undefined = profiles[next];
    if (!profile) break;
    if (chain.length === MAX_CHAIN)
      throw new Error(`the profile '${name}' has too long a chain of source profiles`);
    chain.push(profile);
    next = profile.source_profile;
  }
  return chain;
}

/** Returns the keys of a profile. Returns undefined if it has none, or if they only serve to assume a role. */
function keysOf(profile: Profile): AwsCredentialIdentity | undefined {
  const {
    aws_access_key_id: accessKeyId,
    aws_secret_access_key: secretAccessKey,
    aws_session_token: sessionToken,
    role_arn: role,
    source_profile: source,
    credential_source: origin,
  } = profile;
  if (!accessKeyId || !secretAccessKey || (role && (source || origin))) return undefined;
  return { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) };
}

/** Checks the files that the SDK's provider reads without a limit: a FIFO would block it and this process. */
function checkFiles(chain: readonly Profile[]): void {
  for (const { web_identity_token_file: token } of chain) if (token) readSmallFile(token, MAX_TOKEN_BYTES);
  for (const cache of ['sso', 'login']) {
    if (!chain.some(profile => Object.keys(profile).some(setting => setting.startsWith(cache)))) continue;
    const directory = path.join(homeDirectory(), '.aws', cache, 'cache');
    for (const name of readdirSync(directory)) {
      const stats = statSync(path.join(directory, name));
      if (!stats.isFile() || stats.size > MAX_TOKEN_BYTES)
        throw new Error(`${cache}/cache/${name} is not a file of at most ${MAX_TOKEN_BYTES} bytes`);
    }
  }
}
