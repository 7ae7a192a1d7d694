/** This folder reads the inputs, checks them, and derives the store from them. It makes no request. */

import path from 'node:path';
import type { CompressionLevel } from '../../archive/save/compression-levels.ts';
import { SCOPES } from '../../cache/keys/scope.ts';
import { type CacheInputs, parseCacheInputs } from './cache-inputs.ts';
import { parseIdentity } from './identity.ts';
import { SIZE } from './quantities.ts';
import {
  type Environment,
  matching,
  readBoolean,
  readChoice,
  readInput,
  readInteger,
  readParsed,
} from './read-input.ts';

/** Inputs that locate the bucket. `resolveTarget` (target.ts) checks those that depend on each other. */
export type BucketInputs = ReturnType<typeof parseBucketInputs>;

/** All inputs of a step that restores or saves. */
export type ActionInputs = Readonly<CacheInputs & BucketInputs & ReturnType<typeof parseBehaviour>>;

const ENCRYPTIONS = ['AES256', 'aws:kms'] as const;
/** The form of a key id, which is sent in a header. The limit is AWS's. */
const KMS_KEY = /^[\x21-\x7e]{1,2048}$/;
const KMS_KEY_FORM = 'the id, alias or ARN of a key, without spaces';
const DEFAULT_RETRY_COUNT = 4;
const DEFAULT_COMPRESSION_LEVEL = 3;
const DEFAULT_PREFIX = 'cache-s3';
const MAX_PREFIX_LENGTH = 256;
/** GitHub's limit on the caches of a repository, so that a cache that fits there fits into the directory. */
const DEFAULT_DISK_CACHE_BYTES = 10e9;
const MIN_DISK_CACHE_BYTES = 100e6;

/**
 * Parses and checks every input. In the post step, `remembered` has the values of the restore step for `path`, `key` and
 * `restore-keys`, because the runner has evaluated their expressions again. Throws `BadInputError` for the first bad value.
 */
export function parseInputs(env: Environment, remembered?: CacheInputs): ActionInputs {
  return { ...parseCacheInputs(env, remembered), ...parseBucketInputs(env), ...parseBehaviour(env) };
}

/** Parses the inputs that locate the caches, for prune/ and the command. Throws `BadInputError` for the first bad value. */
export function parseStoreInputs(env: Environment) {
  return { ...parseBucketInputs(env), prefix: parsePrefix(env) };
}

function parseBucketInputs(env: Environment) {
  return {
    endpoint: readInput(env, 'endpoint'),
    port: readInteger(env, 'port', { min: 1, max: 65535 }),
    // If it is undefined, the scheme of `endpoint` decides
    insecure: readBoolean(env, 'insecure'),
    ...parseIdentity(env),
    region: readInput(env, 'region'),
    bucket: readInput(env, 'bucket'),
    caFile: readInput(env, 'ca-file'),
    serverSideEncryption: readChoice(env, 'server-side-encryption', ENCRYPTIONS),
    sseKmsKeyId: readParsed(env, 'sse-kms-key-id', matching(KMS_KEY), KMS_KEY_FORM),
    retry: readBoolean(env, 'retry') ?? true,
    // Attempts after the first one
    retryCount: readInteger(env, 'retry-count', { min: 0, max: 99 }) ?? DEFAULT_RETRY_COUNT,
  };
}

/** Parses the inputs that change how the step works. */
function parseBehaviour(env: Environment) {
  const isTrue = (name: string) => readBoolean(env, name) ?? false;
  // They are only checked here. `isOn` reads them, before the inputs are parsed or when one is bad
  for (const name of ['fail-on-save-error', 'sudo']) readBoolean(env, name);
  return {
    crossOs: isTrue('enableCrossOsArchive'),
    failOnCacheMiss: isTrue('fail-on-cache-miss'),
    lookupOnly: isTrue('lookup-only'),
    saveAlways: isTrue('save-always'),
    useFallback: readBoolean(env, 'use-fallback') ?? true,
    overwrite: isTrue('overwrite'),
    summary: isTrue('summary'),
    warmRestore: isTrue('warm-restore'),
    prefix: parsePrefix(env),
    scope: readChoice(env, 'scope', SCOPES) ?? ('ref' as const),
    compressionLevel: parseCompressionLevel(env),
    diskCache: parseDiskCache(env),
    uploadChunkSizeBytes: readInteger(
      env,
      'upload-chunk-size',
      { min: 1, max: Number.MAX_SAFE_INTEGER },
      'a whole number of bytes such as 8388608',
    ),
    // This input is internal: the runner evaluates it for each phase, and no CACHE_S3_ variable replaces it
    jobStatus: env['INPUT_JOB-STATUS']?.trim() ?? '',
  };
}

function parseCompressionLevel(env: Environment): CompressionLevel {
  if (readInput(env, 'compression-level').toLowerCase() === 'auto') return 'auto';
  const expected = "'auto' or a whole number from 1 to 19";
  return readInteger(env, 'compression-level', { min: 1, max: 19 }, expected) ?? DEFAULT_COMPRESSION_LEVEL;
}

/** Returns the directory of the host for frames, and its limit in bytes. Returns undefined if none is set. */
function parseDiskCache(env: Environment) {
  const parseSize = (text: string) => {
    const bytes = SIZE.parse(text);
    return bytes !== undefined && bytes >= MIN_DISK_CACHE_BYTES ? bytes : undefined;
  };
  const sizeForm = `${SIZE.form}, and at least ${MIN_DISK_CACHE_BYTES / 1e6}MB`;
  const maxBytes = readParsed(env, 'disk-cache-size', parseSize, sizeForm) ?? DEFAULT_DISK_CACHE_BYTES;
  // A relative path would be in the workspace, which belongs to the job
  const parsePath = (text: string) => (path.isAbsolute(text) && !text.includes('\0') ? text : undefined);
  const pathForm = 'the absolute path of a directory of the host';
  const directory = readParsed(env, 'disk-cache', parsePath, pathForm);
  return directory === undefined ? undefined : { directory, maxBytes };
}

/** Returns the first part of the objects' names, without a slash at its start or end. */
function parsePrefix(env: Environment): string {
  const parse = (text: string) => {
    if (text.length > MAX_PREFIX_LENGTH) return undefined;
    const prefix = text.replace(/^\/+|\/+$/g, '');
    const isPrefix = prefix.split('/').every(part => /^[A-Za-z0-9._-]+$/.test(part) && !/^\.\.?$/.test(part));
    return isPrefix ? prefix : undefined;
  };
  const form = `at most ${MAX_PREFIX_LENGTH} letters, digits, '.', '_' and '-', in parts joined by '/', none of them '.' or '..'`;
  return readParsed(env, 'prefix', parse, form) ?? DEFAULT_PREFIX;
}
