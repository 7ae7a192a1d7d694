import { type Entry, EntryType } from '../format/entry.ts';
import { lstatExact } from '../fs/file-status.ts';
import { StatusRows } from '../fs/status-rows.ts';
import type { TargetPlan } from '../publish/target-plan.ts';

/** The files of a restore in staging, where nobody else can touch them: call it after the last change to them. */
export function statusOfStaged(entries: readonly Entry[], plan: TargetPlan): StatusRows {
  const rows = StatusRows.of(entries.length);
  entries.forEach((entry, index) => {
    if (entry.type !== EntryType.file) return;
    const path = plan.staged.at(index)!;
    if (path === '') return;
    const stats = lstatExact(path);
    if (stats) rows.set(index, stats);
  });
  return rows;
}

/** After the commit: a file that was renamed by itself has a new change time; if it is still ours, that is recorded. */
export function updateMoved(rows: StatusRows, entries: readonly Entry[], plan: TargetPlan): void {
  for (const { isTree, entry, to } of plan.moves) {
    if (isTree || entry < 0) continue;
    const stats = lstatExact(to);
    // The rename of a hard link shows in the status of the file itself
    const { linkTo } = entries[entry]!;
    const file = linkTo >= 0 ? linkTo : entry;
    if (stats && rows.matchesRenamed(file, stats)) rows.set(file, stats);
    else rows.clear(entry);
  }
}
