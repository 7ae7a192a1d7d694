import { randomBytes } from 'node:crypto';
import { cachesRoot, markersRoot } from './cache-names.ts';
import { decodeComponent, SHARED } from './object-names.ts';

/** The names of the objects by which `cache-s3 doctor` tries a store. They remain if the credentials do not allow deleting them. */

/** The place of a trial: a repository, one of its scopes, or the whole prefix if both are undefined. Foreign text: escape it. */
export interface TrialPlace {
  readonly repository: string | undefined;
  readonly scope: string | undefined;
}

/** Ends of the names of a trial's objects, in byte order. */
export const ORDERED_SUFFIXES = ['/B', '/a', '/a/1', '/b'] as const;
export const MULTIPART_SUFFIX = '/multipart';
export const COPY_SUFFIX = '/copy';

const SUFFIXES: readonly string[] = ['', ...ORDERED_SUFFIXES, MULTIPART_SUFFIX, COPY_SUFFIX];

/** The name of a trial object below the root: the place, `doctor-<12 hex digits>`, and a suffix. */
const TRIAL = /^(?:([^/]+)\/([^/]+)\/(?:([^/]+)\/)?)?doctor-[0-9a-f]{12}((?:\/.*)?)$/;

/** Returns a new name for a trial below the root of its place (`cachesRoot`). */
export function createTrialName(root: string): string {
  return `${root}doctor-${randomBytes(6).toString('hex')}`;
}

/** Returns the place of a trial object, which may be a marker. Returns undefined for any other object. */
export function parseTrialName(prefix: string, objectName: string): TrialPlace | undefined {
  const root = [cachesRoot(prefix), markersRoot(prefix)].find(start => objectName.startsWith(start));
  if (root === undefined) return undefined;
  const [, owner, name, scope, suffix] = TRIAL.exec(objectName.slice(root.length)) ?? [];
  if (suffix === undefined || !SUFFIXES.includes(suffix)) return undefined;
  const [plainOwner, plainName, plainScope] = [owner, name, scope].map(part => part && decodeComponent(part));
  return {
    repository: plainOwner && plainName && `${plainOwner}/${plainName}`,
    scope: plainScope === SHARED ? 'repository' : plainScope,
  };
}
