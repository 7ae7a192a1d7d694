import { EntryType } from '../format/entry.ts';
import { thisPlatform } from '../fs/platform.ts';
import type { FramePlan } from '../save/plan-frames.ts';
import type { ScannedEntry } from '../scan/scan.ts';
import { joinStrings, PackColumn, type PackJob } from './jobs.ts';

/** What a worker has to do for one frame. `level` is zstd's, 1 to 19. */
export function packJob({ members, slice }: FramePlan, level: number): PackJob {
  const numbers = new Float64Array(members.length * PackColumn.width);
  members.forEach((member, index) => {
    const row = index * PackColumn.width;
    numbers[row + PackColumn.type] = member.type;
    numbers[row + PackColumn.mode] = modeOf(member);
    numbers[row + PackColumn.mtimeUs] = member.mtimeUs;
    numbers[row + PackColumn.size] = member.dataBytes;
    numbers[row + PackColumn.uid] = ownerOf(member.stats.uid);
    numbers[row + PackColumn.gid] = ownerOf(member.stats.gid);
    numbers[row + PackColumn.dev] = Number(member.inode?.dev ?? 0);
    numbers[row + PackColumn.ino] = Number(member.inode?.ino ?? 0);
    numbers[row + PackColumn.mtimeMs] = member.stats.mtimeMs;
    numbers[row + PackColumn.ctimeMs] = member.stats.ctimeMs;
  });
  return {
    kind: 'pack',
    names: joinStrings(members.map(member => member.name)),
    paths: joinStrings(members.map(member => member.path)),
    linkNames: joinStrings(members.map(member => member.linkName)),
    numbers,
    slice,
    level,
  };
}

/** The permission bits that are stored. */
export function modeOf({ type, stats }: ScannedEntry): number {
  if (thisPlatform.hasModes) return stats.mode & 0o7777;
  // Where there are no modes, those that suit both sides of a cache shared between systems
  return type === EntryType.directory ? 0o755 : 0o644;
}

/** The owner that is stored; -1: owners are not kept. */
export function ownerOf(id: number): number {
  return thisPlatform.keepsOwners ? id : -1;
}
