import { keyProblem } from '../../cache/keys/keys.ts';
import { SCOPES, type Scope } from '../../cache/keys/scope.ts';
import { BadInputError } from './bad-input.ts';
import {
  type Environment,
  readBoolean,
  readChoice,
  readInput,
  readInteger,
  readLines,
} from './read-input.ts';

/** Which entry of cache: what is stored, and under which name. */
export interface CacheInputs {
  /** The lines of `path`, trimmed, without empty ones. At least one. */
  readonly paths: readonly string[];
  readonly key: string;
  readonly restoreKeys: readonly string[];
}

/** Where the bucket is, as given; `resolveTarget` (inputs/target.ts) makes sense of it. */
export interface BucketInputs {
  readonly endpoint: string;
  /** 1 to 65535. */
  readonly port: number | undefined;
  /** undefined: not said. */
  readonly insecure: boolean | undefined;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly sessionToken: string;
  readonly region: string;
  readonly bucket: string;
  readonly caFile: string;
  readonly retry: boolean;
  /** Retries after the first attempt, 0 to 99. */
  readonly retryCount: number;
}

/** How the step behaves. */
export interface BehaviourInputs {
  readonly crossOs: boolean;
  readonly failOnCacheMiss: boolean;
  /** Checked with the others, and read by itself where it counts (save-step.ts). */
  readonly failOnSaveError: boolean;
  readonly lookupOnly: boolean;
  readonly saveAlways: boolean;
  readonly useFallback: boolean;
  readonly overwrite: boolean;
  readonly sudo: boolean;
  readonly summary: boolean;
  readonly warmRestore: boolean;
  /** Without slashes at its ends. */
  readonly prefix: string;
  readonly scope: Scope;
  /** zstd level, 1 to 19. */
  readonly compressionLevel: number;
  /** Part size of uploads in bytes (actions/cache); undefined: ours. */
  readonly uploadChunkSizeBytes: number | undefined;
  /** `job.status` at the time of this phase; '' on runners that do not tell. */
  readonly jobStatus: string;
}

export interface ActionInputs extends CacheInputs, BucketInputs, BehaviourInputs {}

export const DEFAULT_RETRY_COUNT = 4;
export const DEFAULT_COMPRESSION_LEVEL = 3;
export const DEFAULT_PREFIX = 'cache-s3';

/**
 * Parses and checks every input. `remembered`: what the restore step worked with, for the post step, in place of
 * `path`, `key` and `restore-keys`, whose expressions the runner has evaluated again by then.
 * Throws `BadInputError` for the first bad value.
 */
export function parseInputs(env: Environment, remembered?: CacheInputs): ActionInputs {
  return { ...(remembered ?? parseCacheInputs(env)), ...parseBucketInputs(env), ...parseBehaviour(env) };
}

function parseCacheInputs(env: Environment): CacheInputs {
  const key = readInput(env, 'key');
  const restoreKeys = readLines(env, 'restore-keys');
  const problem = keyProblem(key, restoreKeys);
  if (problem !== undefined) throw new BadInputError(problem);
  const paths = readLines(env, 'path');
  if (!paths.some(line => !line.startsWith('!') && !line.startsWith('#'))) {
    throw new BadInputError(
      paths.length === 0
        ? "Input 'path' is missing: name the files and directories to cache, one on each line."
        : `Input 'path' is '${paths.join(' ')}', but at least one line has to name something to cache.`,
    );
  }
  return { paths, key, restoreKeys };
}

function parseBucketInputs(env: Environment): BucketInputs {
  return {
    endpoint: readInput(env, 'endpoint'),
    port: readInteger(env, 'port', { min: 1, max: 65535 }),
    insecure: readBoolean(env, 'insecure'),
    accessKey: readInput(env, 'accessKey'),
    secretKey: readInput(env, 'secretKey'),
    sessionToken: readInput(env, 'sessionToken'),
    region: readInput(env, 'region'),
    bucket: readInput(env, 'bucket'),
    caFile: readInput(env, 'ca-file'),
    retry: readBoolean(env, 'retry') ?? true,
    retryCount: readInteger(env, 'retry-count', { min: 0, max: 99 }) ?? DEFAULT_RETRY_COUNT,
  };
}

function parseBehaviour(env: Environment): BehaviourInputs {
  const on = (name: string) => readBoolean(env, name) ?? false;
  return {
    crossOs: on('enableCrossOsArchive'),
    failOnCacheMiss: on('fail-on-cache-miss'),
    failOnSaveError: on('fail-on-save-error'),
    lookupOnly: on('lookup-only'),
    saveAlways: on('save-always'),
    useFallback: readBoolean(env, 'use-fallback') ?? true,
    overwrite: on('overwrite'),
    sudo: on('sudo'),
    summary: on('summary'),
    warmRestore: on('warm-restore'),
    prefix: parsePrefix(readInput(env, 'prefix')),
    scope: readChoice(env, 'scope', SCOPES) ?? 'ref',
    compressionLevel: readInteger(env, 'compression-level', { min: 1, max: 19 }) ?? DEFAULT_COMPRESSION_LEVEL,
    uploadChunkSizeBytes: readInteger(
      env,
      'upload-chunk-size',
      { min: 1, max: Number.MAX_SAFE_INTEGER },
      'a whole number of bytes such as 8388608',
    ),
    // Internal: evaluated by the runner for each phase, never the fleet's to set.
    jobStatus: env['INPUT_JOB-STATUS']?.trim() ?? '',
  };
}

function parsePrefix(text: string): string {
  if (text === '') return DEFAULT_PREFIX;
  const prefix = text.replace(/^\/+|\/+$/g, '');
  const whole = prefix.split('/').every(part => /^[A-Za-z0-9._-]+$/.test(part) && !/^\.\.?$/.test(part));
  if (whole && prefix.length <= 256) return prefix;
  throw new BadInputError(
    `Input 'prefix' is '${text}', but it has to be at most 256 letters, digits, '.', '_' and '-', in parts joined by '/' of which none is '.' or '..'.`,
  );
}
