import type { Entry } from '../format/entry.ts';
import { lstatExact } from '../fs/file-status.ts';
import { ignoreErrors } from '../fs/ignore-errors.ts';
import type { PathLayout } from '../fs/layout.ts';
import { isWorthReusing, regionUsage } from './region-usage.ts';
import type { Base } from './reuse.ts';

/** Looks at the disk: some ms in all. They tell a share of 20 % to 2 %, and a smaller one better. */
const SAMPLES = 512;
/** As a share of the region: what the forecast may be off by, so that a scan hardly ever ends with the opposite. */
const MARGIN = 0.03;

/**
 * Whether a save is to grow from the base, told before the tree is scanned: from files of it taken evenly over all bytes
 * that it is stored in. A wrong answer costs time and nothing else.
 */
export function isLikelyWorthReusing(base: Base, layout: PathLayout): boolean {
  const { regionBytes, deadBytes } = regionUsage(base.manifest);
  const changed = shareChanged(base, layout);
  return isWorthReusing({ regionBytes, deadBytes: deadBytes + (changed + MARGIN) * regionBytes });
}

/** The share of the base's stored bytes that are of files which are not what was restored any more: 0 to 1, an estimate. */
function shareChanged({ manifest: { entries, frames }, rows }: Base, layout: PathLayout): number {
  const ratios = frames.map(({ size, rawSize }) => size / rawSize);
  const stored = ({ size, frame }: Entry) => (size > 0 ? size * ratios[frame]! : 0);
  const total = entries.reduce((sum, entry) => sum + stored(entry), 0);
  const step = total / SAMPLES;
  let [next, end, changed] = [step / 2, 0, 0];
  entries.forEach((entry, index) => {
    end += stored(entry);
    if (end <= next) return;
    // A large file stands for all the samples that fall into it
    const samples = Math.ceil((end - next) / step);
    next += samples * step;
    if (!isUnchanged(entry, index)) changed += samples;
  });
  return changed / SAMPLES;

  function isUnchanged({ name }: Entry, index: number): boolean {
    const stats = ignoreErrors(() => lstatExact(layout.toAbsolute(name)));
    return stats !== undefined && rows.matches(index, stats);
  }
}
