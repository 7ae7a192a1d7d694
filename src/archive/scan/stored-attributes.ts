import { EntryType } from '../format/entry.ts';
import { thisPlatform } from '../fs/platform.ts';
import type { ScannedEntry } from './scan.ts';

/** Returns the permission bits that are stored. */
export function modeOf({ type, stats }: Pick<ScannedEntry, 'type' | 'stats'>): number {
  if (thisPlatform.hasModes) return stats.mode & 0o7777;
  // Where there are no modes, those that suit both sides of a cache shared between systems
  if (type === EntryType.directory) return 0o755;
  return (stats.mode & 0o200) === 0 ? 0o444 : 0o644;
}

/** Returns the owner that is stored; -1 where owners are not kept. */
export function ownerOf(id: number): number {
  return thisPlatform.keepsOwners ? id : -1;
}
