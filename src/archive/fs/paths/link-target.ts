import { dirname, resolve } from 'node:path';
import type { PathLayout } from './layout.ts';

/** Returns whether the target of a link at the absolute `path`, or a directory above it, is another link. Reads no disk. */
export function leadsThroughLink(path: string, target: string, isLink: (path: string) => boolean): boolean {
  for (let at = resolve(dirname(path), target); at !== dirname(at); at = dirname(at))
    if (at !== path && isLink(at)) return true;
  return false;
}

/**
 * Returns whether a link at the absolute `path` leads out of the step's paths. Does not follow a link on the way to the target.
 */
export function leadsOutside(layout: PathLayout, path: string, target: string): boolean {
  const stored = layout.toStored(resolve(dirname(path), target));
  // A pattern that ends in a slash includes only directories
  return !layout.permits(stored) && !layout.permits(stored.endsWith('/') ? stored : `${stored}/`);
}
