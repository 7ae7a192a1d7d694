import { readSmallFile } from '../../archive/fs/small-file.ts';

/** Limit on the file, in bytes. GitHub's payloads have 10 to 100 kB. JSON of the limit takes up to 0.5 GB of memory. */
const MAX_PAYLOAD_BYTES = 8 * 1024 * 1024;

/** Limit on a text, in UTF-16 units. GitHub allows 255 bytes for a ref, and 140 characters for `owner/name`. */
const MAX_TEXT_LENGTH = 1024;

/**
 * Reads the fields of GitHub's event payload that caching depends on. A field that is missing or malformed is undefined. A file that
 * is missing, not regular, too large or not JSON counts as an empty payload.
 */
export function readEventPayload(file: string | undefined) {
  const payload = file ? parseFile(file) : undefined;
  return {
    repository: textAt(payload, 'repository', 'full_name'),
    defaultBranch: textAt(payload, 'repository', 'default_branch'),
    /** The branch that a pull request will be merged into. */
    pullRequestBase: textAt(payload, 'pull_request', 'base', 'ref'),
    /** The repository that has the code of a pull request. */
    pullRequestHead: textAt(payload, 'pull_request', 'head', 'repo', 'full_name'),
    /** The full ref that a merge group will be merged into. */
    mergeGroupBase: textAt(payload, 'merge_group', 'base_ref'),
  };
}

function parseFile(file: string): unknown {
  try {
    return JSON.parse(readSmallFile(file, MAX_PAYLOAD_BYTES));
  } catch {
    return undefined;
  }
}

function textAt(payload: unknown, ...names: readonly string[]): string | undefined {
  let value = payload;
  for (const name of names) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[name];
  }
  const isText = typeof value === 'string' && value !== '' && value.length <= MAX_TEXT_LENGTH;
  return isText ? (value as string) : undefined;
}
