import type { KeySpace } from '../../storage/backend.ts';
import { MAX_OBJECT_NAME_BYTES } from '../../storage/object-name.ts';
import { NameTooLongError } from '../../storage/store-errors.ts';
import { decodeComponent, encodeComponent } from './encode.ts';

/** The layout of object names. Another number is another, unrelated tree: old releases never list it. */
const LAYOUT = 'v1';
const SUFFIX = '.tar.zst';

export interface KeySpaceOptions {
  readonly label: string;
  /** Input `prefix`: components of `[A-Za-z0-9._-]` joined by `/`; empty: none. */
  readonly prefix: string;
  /** Owner, repository and scope, as they are (encoded here). */
  readonly place: readonly [owner: string, repository: string, scope: string];
  /** The step's version, 64 hex digits. */
  readonly version: string;
}

/**
 * One place of entries: `<prefix>/v1/<owner>/<repo>/<scope>/<key>/<version>.tar.zst`. Key before version, so that one
 * listing answers restore-keys and also tells that a key exists under other paths.
 */
export function createKeySpace(options: KeySpaceOptions): KeySpace {
  const root = rootOf(options.prefix, options.place);
  return {
    label: options.label,
    root,
    objectName(key) {
      const name = `${root}${encodeComponent(key)}/${options.version}${SUFFIX}`;
      // Everything but the prefix is ASCII by encoding, and the prefix by validation: a unit is a byte.
      if (name.length > MAX_OBJECT_NAME_BYTES) {
        throw new NameTooLongError(
          `the object name of key '${key}' has ${name.length} bytes, but S3 allows ${MAX_OBJECT_NAME_BYTES}`,
        );
      }
      return name;
    },
    listPrefix: keyPrefix => `${root}${encodeComponent(keyPrefix)}`,
    parse(objectName) {
      return objectName.startsWith(root) ? parseEntry(objectName.slice(root.length)) : undefined;
    },
  };
}

/** The prefix of everything below these components (as they are, encoded here): `<prefix>/v1/<place>/`. */
export function rootOf(prefix: string, place: readonly string[]): string {
  return `${[...(prefix === '' ? [] : [prefix]), LAYOUT, ...place.map(encodeComponent)].join('/')}/`;
}

/** Key and version of `<key>/<version>.tar.zst`; undefined: not the name of an entry below a place. */
export function parseEntry(name: string): { readonly key: string; readonly version: string } | undefined {
  if (!name.endsWith(SUFFIX)) return undefined;
  const [encodedKey = '', version = '', ...rest] = name.slice(0, -SUFFIX.length).split('/');
  if (rest.length > 0 || !/^[0-9a-f]{64}$/.test(version)) return undefined;
  const key = decodeComponent(encodedKey);
  return key ? { key, version } : undefined;
}
