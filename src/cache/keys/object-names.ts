import type { KeyPlace } from '../../storage/backend.ts';
import { MAX_OBJECT_NAME_BYTES } from '../../storage/object-store.ts';
import { NameTooLongError } from '../../storage/store-errors.ts';

/** The number of the layout of object names. A new layout needs another one, so that earlier releases do not list its objects. */
const LAYOUT = 'v1';
/** The end of every cache's name. */
export const SUFFIX = '.tar.zst';
/** Component in place of an owner, repository or scope where all of them share the caches. No ref has this name. */
export const SHARED = '_';

/**
 * Creates the place of caches below `root` (`rootOf`). Their objects have the names `<root><key>/<version>.tar.zst`. The key is
 * before the version, so that one listing finds the matches of a restore-key, and keys that exist only for other paths.
 */
export function createKeyPlace({
  label,
  root,
  version,
}: Pick<KeyPlace, 'label' | 'root'> & { readonly version: string }): KeyPlace {
  return {
    label,
    root,
    objectName(key) {
      const name = `${root}${encodeComponent(key)}/${version}${SUFFIX}`;
      // Everything but the prefix is ASCII by encoding, and the prefix by validation: one unit is one byte
      if (name.length > MAX_OBJECT_NAME_BYTES) {
        throw new NameTooLongError(
          `the object name of key '${key}' has ${name.length} bytes, but S3 allows ${MAX_OBJECT_NAME_BYTES}`,
        );
      }
      return name;
    },
    listPrefix: keyPrefix => `${root}${encodeComponent(keyPrefix)}`,
    parse(objectName) {
      return objectName.startsWith(root) ? parseKeyAndVersion(objectName.slice(root.length)) : undefined;
    },
  };
}

/** Returns the components (not encoded) of a repository (`owner/name`), or of one scope of it: a ref, or `repository`. */
export function placeOf(repository: string, scope?: string): readonly string[] {
  const [owner = '', ...name] = repository.split('/');
  const ofScope = scope === 'repository' ? SHARED : scope;
  return [owner, name.join('/'), ...(ofScope === undefined ? [] : [ofScope])];
}

/** Returns the prefix of all names below these components (not encoded): `<prefix>/v1/<place>/`. */
export function rootOf(prefix: string, place: readonly string[]): string {
  return `${[prefix, LAYOUT, ...place.map(encodeComponent)].join('/')}/`;
}

/** Parses `<key>/<version>.tar.zst`. Returns undefined if it is not the name of a cache below a place. */
export function parseKeyAndVersion(
  name: string,
): { readonly key: string; readonly version: string } | undefined {
  if (!name.endsWith(SUFFIX)) return undefined;
  const [encodedKey = '', version = '', ...rest] = name.slice(0, -SUFFIX.length).split('/');
  if (rest.length > 0 || !/^[0-9a-f]{64}$/.test(version)) return undefined;
  const key = decodeComponent(encodedKey);
  return key ? { key, version } : undefined;
}

/**
 * Encodes one component of an object name. Bytes outside `[A-Za-z0-9._-]` become `=XX`, the upper-case hex of the UTF-8
 * byte: RADOS Gateway decodes `%` twice in copy sources (radosgw 16.2.15, observed). A leading dot is encoded too, so that no
 * component is `.` or `..`. Each byte is encoded by itself, so the encoding of a prefix is a prefix of the encoding.
 */
export function encodeComponent(text: string): string {
  let encoded = '';
  for (const byte of new TextEncoder().encode(text)) {
    const isKept = isPlain(byte) && !(byte === DOT && encoded === '');
    encoded += isKept ? String.fromCharCode(byte) : `=${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}

/** Reverses `encodeComponent`. Returns undefined if no text has this encoding. */
export function decodeComponent(encoded: string): string | undefined {
  const bytes: number[] = [];
  for (let i = 0; i < encoded.length; i++) {
    const code = encoded.charCodeAt(i);
    if (code === EQUALS) {
      const hex = encoded.slice(i + 1, i + 3);
      if (!/^[0-9A-F]{2}$/.test(hex)) return undefined;
      bytes.push(Number.parseInt(hex, 16));
      i += 2;
    } else if (isPlain(code)) {
      bytes.push(code);
    } else {
      return undefined;
    }
  }
  const text = new TextDecoder().decode(Uint8Array.from(bytes));
  // With two encodings of one text, two objects could have one key
  return encodeComponent(text) === encoded ? text : undefined;
}

const DOT = 0x2e;
const EQUALS = 0x3d;

function isPlain(byte: number): boolean {
  return (
    (byte >= 0x30 && byte <= 0x39) || // 0-9
    (byte >= 0x41 && byte <= 0x5a) || // A-Z
    (byte >= 0x61 && byte <= 0x7a) || // a-z
    byte === DOT ||
    byte === 0x2d || // -
    byte === 0x5f // _
  );
}
