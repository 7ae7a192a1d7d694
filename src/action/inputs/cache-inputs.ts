import { isIncluding } from '../../cache/paths/patterns.ts';
import { BadInputError, type Environment, quoteValue, readInput, readLines } from './read-input.ts';

/** Inputs that name the cache and its content. */
export interface CacheInputs {
  /** Lines of `path`, trimmed, without empty ones: at least one. */
  readonly paths: readonly string[];
  readonly key: string;
  readonly restoreKeys: readonly string[];
}

/** GitHub's limit on a key, in UTF-16 units (@actions/cache 6.3.0, `checkKey`). */
const MAX_KEY_LENGTH = 512;
/** GitHub's limit on `key` and `restore-keys` together (@actions/cache 6.3.0, `restoreCache`). */
const MAX_KEYS = 10;

/** Limit on the lines of `path`, in bytes of JSON. The state of the step has 128 KiB for them and ten keys (state.ts). */
const MAX_PATHS_BYTES = 80_000;
/** Limit on lines with wildcards. The search matches each of them with every name. */
const MAX_WILDCARD_LINES = 1000;

/**
 * Parses and checks the inputs that name the cache. `remembered` has the values of the restore step, for the post step.
 * Throws `BadInputError` for the first bad value.
 */
export function parseCacheInputs(env: Environment, remembered: CacheInputs | undefined): CacheInputs {
  const key = remembered?.key ?? readInput(env, 'key');
  const restoreKeys = remembered?.restoreKeys ?? readLines(env, 'restore-keys');
  const paths = remembered?.paths ?? readLines(env, 'path');
  checkKeys(key, restoreKeys);
  checkPaths(paths);
  return { paths, key, restoreKeys };
}

function checkPaths(paths: readonly string[]): void {
  if (paths.length === 0) {
    throw new BadInputError('path', 'is missing: list the files and directories to cache, one on each line.');
  }
  if (!paths.some(isIncluding)) {
    const lines = quoteValue(paths.join(' '));
    throw new BadInputError('path', `is ${lines}, but at least one line must name something to cache.`);
  }
  const bytes = Buffer.byteLength(JSON.stringify(paths));
  if (bytes > MAX_PATHS_BYTES) {
    throw new BadInputError(
      'path',
      `has ${bytes} bytes, but at most ${MAX_PATHS_BYTES} are allowed: name directories rather than their files.`,
    );
  }
  const wildLines = paths.filter(line => /[*?[]/.test(line)).length;
  if (wildLines > MAX_WILDCARD_LINES) {
    throw new BadInputError(
      'path',
      `has ${wildLines} lines with wildcards, but at most ${MAX_WILDCARD_LINES} are allowed: name directories instead.`,
    );
  }
}

/** Checks keys by the rules of actions/cache, also where the bucket allows more, because the fallback gets the same keys. */
function checkKeys(key: string, restoreKeys: readonly string[]): void {
  if (key === '') {
    throw new BadInputError(
      'key',
      'is missing: set the name of the cache, such as linux-npm-<hash of the lock file>.',
    );
  }
  if (restoreKeys.length >= MAX_KEYS) {
    throw new BadInputError(
      'restore-keys',
      `has ${restoreKeys.length} lines, but at most ${MAX_KEYS - 1} are allowed.`,
    );
  }
  checkKey('key', key);
  for (const restoreKey of restoreKeys) checkKey('restore-keys', restoreKey);
}

function checkKey(input: string, key: string): void {
  if (key.length > MAX_KEY_LENGTH) {
    const shown = `${key.slice(0, 40)}...`;
    throw new BadInputError(
      input,
      `has a key of ${key.length} characters ('${shown}'), but at most ${MAX_KEY_LENGTH} are allowed.`,
    );
  }
  if (key.includes(',')) {
    throw new BadInputError(input, `has the key ${quoteValue(key)}, but a key cannot contain a comma.`);
  }
}
