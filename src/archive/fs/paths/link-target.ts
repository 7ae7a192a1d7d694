import { dirname, resolve } from 'node:path';
import type { PathLayout } from './layout.ts';

/** Returns the absolute target of a link at the absolute `path`, and the directories above the target. Lexical. */
export function wayToTarget(path: string, target: string): string[] {
  const way: string[] = [];
  for (let at = resolve(dirname(path), target); at !== dirname(at); at = dirname(at)) way.push(at);
  return way;
}

/**
 * Returns whether a link at the absolute `path` leads out of the step's paths. Lexical: a link on the way to the target is
 * not followed.
 */
export function leadsOutside(layout: PathLayout, path: string, target: string): boolean {
  const stored = layout.toStored(resolve(dirname(path), target));
  // A pattern that ends in a slash includes only directories
  return !layout.permits(stored) && !layout.permits(stored.endsWith('/') ? stored : `${stored}/`);
}
