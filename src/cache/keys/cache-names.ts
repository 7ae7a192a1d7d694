import { MAX_OBJECT_NAME_BYTES } from '../../storage/object-store.ts';
import {
  decodeComponent,
  encodeComponent,
  parseKeyAndVersion,
  placeOf,
  rootOf,
  SHARED,
  SUFFIX,
} from './object-names.ts';

/** The names below a prefix, of the caches of all repositories and of the markers that note their last use. */

/** The place, key and version that the name of an object contains. All but the version are foreign text: escape it. */
export interface CacheName {
  /** `owner/name`, or '' for a cache that all repositories share (input `scope: bucket`). */
  readonly repository: string;
  /** A ref such as `refs/heads/main`, or `repository` or `bucket` for a cache that is shared more widely. */
  readonly scope: string;
  readonly key: string;
  /** 64 hex digits. */
  readonly version: string;
}

/** The suffix of a marker's name, in place of a cache's. */
const MARKER_SUFFIX = '.used';

/** Component between the prefix and the layout number of the markers. */
const MARKERS = 'used';

/**
 * Component between the layout number and the place of a marker. No owner has this encoding, so no listing of a step contains
 * markers, not even with the prefix `<prefix>/used`.
 */
const NO_OWNER = '~';

/** The components of the place that all repositories share (input `scope: bucket`). */
export const BUCKET_PLACE = [SHARED, SHARED, SHARED] as const;

/** Returns the prefix of all caches, of a repository (`owner/name`), or of one scope of it (`refs/heads/main`). */
export function cachesRoot(prefix: string, repository?: string, scope?: string): string {
  return rootOf(prefix, placeAt(repository, scope));
}

/** Returns the prefix of the markers of the caches below `cachesRoot`. */
export function markersRoot(prefix: string, repository?: string, scope?: string): string {
  const root = rootOf(`${prefix}/${MARKERS}`, []);
  return [`${root}${NO_OWNER}`, ...placeAt(repository, scope).map(encodeComponent), ''].join('/');
}

function placeAt(repository: string | undefined, scope: string | undefined): readonly string[] {
  if (repository === undefined) return [];
  return repository === '' ? BUCKET_PLACE : placeOf(repository, scope);
}

/** Parses the name of an object below `cachesRoot(prefix)`. Returns undefined if it is not the name of a cache. */
export function parseCacheName(prefix: string, objectName: string): CacheName | undefined {
  const root = cachesRoot(prefix);
  if (!objectName.startsWith(root)) return undefined;
  const [encodedOwner = '', encodedName = '', encodedScope = '', ...rest] = objectName
    .slice(root.length)
    .split('/');
  const entry = parseKeyAndVersion(rest.join('/'));
  const owner = decodeComponent(encodedOwner);
  const repository = decodeComponent(encodedName);
  const scope = decodeComponent(encodedScope);
  if (!entry || !owner || !repository || !scope) return undefined;
  if (owner === SHARED && repository === SHARED && scope === SHARED) {
    return { repository: '', scope: 'bucket', ...entry };
  }
  return {
    repository: `${owner}/${repository}`,
    scope: scope === SHARED ? 'repository' : scope,
    ...entry,
  };
}

/**
 * Returns the name of the marker of a cache: `<prefix>/used/v1/~/<owner>/<repo>/<scope>/<key>/<version>.used`. Returns
 * undefined if `objectName` is not a cache of this prefix, or if the marker's name would have over 1024 bytes.
 */
export function markerName(prefix: string, objectName: string): string | undefined {
  if (parseCacheName(prefix, objectName) === undefined) return undefined;
  const path = objectName.slice(cachesRoot(prefix).length, -SUFFIX.length);
  const name = `${markersRoot(prefix)}${path}${MARKER_SUFFIX}`;
  return name.length > MAX_OBJECT_NAME_BYTES ? undefined : name;
}

/** The cache that a marker belongs to. */
export interface MarkedCache extends CacheName {
  readonly objectName: string;
}

/**
 * Parses the name of a marker. Returns undefined for any other object, such as a cache of the prefix `<prefix>/used`, which has
 * another suffix.
 */
export function parseMarkerName(prefix: string, name: string): MarkedCache | undefined {
  const root = markersRoot(prefix);
  if (!name.startsWith(root) || !name.endsWith(MARKER_SUFFIX)) return undefined;
  const objectName = `${cachesRoot(prefix)}${name.slice(root.length, -MARKER_SUFFIX.length)}${SUFFIX}`;
  const cache = parseCacheName(prefix, objectName);
  return cache && { ...cache, objectName };
}
