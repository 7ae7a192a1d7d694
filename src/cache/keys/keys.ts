/** GitHub's limit on a key, in UTF-16 units (@actions/cache 6.3.0, `checkKey`). */
export const MAX_KEY_LENGTH = 512;
/** GitHub's limit on `key` and `restore-keys` together (@actions/cache 6.3.0, `restoreCache`). */
export const MAX_KEYS = 10;

/**
 * What is wrong with the keys of a step, in one sentence that names the input; undefined: nothing. The rules are those
 * of actions/cache, also where the bucket could do more, because the fallback has to accept the same keys.
 */
export function keyProblem(primaryKey: string, restoreKeys: readonly string[]): string | undefined {
  if (primaryKey === '') {
    return "Input 'key' is missing: give the name under which the cache is stored, such as linux-npm-<hash of the lock file>.";
  }
  const count = 1 + restoreKeys.length;
  if (count > MAX_KEYS) {
    return `Inputs 'key' and 'restore-keys' name ${count} keys together, but at most ${MAX_KEYS} are allowed.`;
  }
  return (
    singleKeyProblem('key', primaryKey) ??
    restoreKeys.map(key => singleKeyProblem('restore-keys', key)).find(problem => problem !== undefined)
  );
}

function singleKeyProblem(input: string, key: string): string | undefined {
  if (key.length > MAX_KEY_LENGTH) {
    const shown = `${key.slice(0, 40)}...`;
    return `Input '${input}' has a key of ${key.length} characters ('${shown}'), but at most ${MAX_KEY_LENGTH} are allowed.`;
  }
  if (key.includes(',')) {
    return `Input '${input}' has the key '${key}', but a key cannot contain a comma.`;
  }
  return undefined;
}
