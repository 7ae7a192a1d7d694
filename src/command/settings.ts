import { Option } from 'commander';
import { openStore } from '../action/backend/open-backend.ts';
import { parseStoreInputs } from '../action/inputs/inputs.ts';
import { type Environment, environmentVariables } from '../action/inputs/read-input.ts';
import { resolveTarget } from '../action/inputs/target.ts';
import type { Log } from '../report/log.ts';
import { describeBucket } from '../storage/s3/s3-settings.ts';
import { CommandError } from './command-error.ts';

/** An example of a directory as the endpoint. */
const DIRECTORY_URL = process.platform === 'win32' ? 'file:///C:/ci-cache' : 'file:///srv/ci-cache';

/** Options that replace inputs of the action, by name of the input. Keys have none: other users can see arguments. */
export const SETTING_OPTIONS = {
  endpoint: ['--endpoint <url>', `a host, host:port, http(s) URL, or a directory such as ${DIRECTORY_URL}`],
  port: ['--port <number>', 'port of the endpoint'],
  insecure: ['--insecure', 'use http instead of https'],
  bucket: ['--bucket <name>', 'the bucket, or a directory below that of the endpoint'],
  region: ['--region <name>', 'region of the bucket (default: AWS_REGION, then us-east-1)'],
  prefix: ['--prefix <path>', 'first part of the names of objects (default: cache-s3)'],
  'ca-file': ['--ca-file <file>', 'PEM file with additional certificate authorities'],
  'retry-count': ['--retry-count <n>', 'retries of each request after the first attempt (default: 4)'],
} as const satisfies Readonly<Record<string, readonly [flags: string, description: string]>>;

/**
 * Returns the environment to read the settings from. An option replaces the action's input, so it takes precedence over
 * `CACHE_S3_*` and AWS's variables. The inputs of a step that runs the command are left out.
 */
export function settingsEnvironment(
  env: Environment,
  options: Readonly<Record<string, unknown>>,
): Environment {
  const settings = Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('INPUT_')));
  for (const [input, [flags]] of Object.entries(SETTING_OPTIONS)) {
    const value = options[new Option(flags).attributeName()];
    if (value !== undefined) settings[`INPUT_${input.toUpperCase()}`] = String(value);
  }
  return settings;
}

/** Opens the store without a request. Throws `BadInputError` for a bad setting, `CommandError` if none names a store. */
export async function openSettings(env: Environment, log: Log) {
  const inputs = parseStoreInputs(env);
  const target = resolveTarget(inputs, { env, forkPullRequest: false, saves: false });
  if (target.kind === 'github') {
    throw new CommandError(
      `No bucket is set: use --bucket or ${environmentVariables('bucket')[0]}, or --endpoint ${DIRECTORY_URL} for a directory.`,
    );
  }
  // It masks nothing: the command prints no secret, and `::add-mask::` would write the keys of a role to standard output
  const store = await openStore(target, { log, mask() {} });
  return {
    store,
    target,
    /** The store for people: `bucket ci-cache at https://rgw.example.com`. */
    place: target.kind === 'directory' ? `directory ${target.root}` : describeBucket(target.settings),
    /** First part of the objects' names. */
    prefix: inputs.prefix,
  };
}
