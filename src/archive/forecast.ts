import type { Entry } from './entry.ts';
import { exactStatus } from './file-status.ts';
import type { PathLayout } from './layout.ts';
import { quietly } from './look.ts';
import { type Base, isWorthReusing, regionUsage } from './reuse.ts';

/** Looks at the disk: some ms in all. They tell a share of 20 % to 2 %, and a smaller one better. */
const SAMPLES = 512;
/** As a share of the region. A forecast may be off by so much without being wrong. */
const MARGIN = 0.03;

/**
 * Whether a save will very likely grow from the base, before the tree is scanned: from files of it taken evenly over all
 * of its bytes. A wrong answer costs time and nothing else.
 */
export function isLikelyWorthReusing(base: Base, layout: PathLayout): boolean {
  const { regionBytes, deadBytes } = regionUsage(base.manifest, base.manifest.entries);
  const changed = shareChanged(base, layout);
  const expected = deadBytes + (changed + MARGIN) * regionBytes;
  return isWorthReusing({ regionBytes, deadBytes: expected, blocked: false });
}

/** The share of the base's bytes that stand in files which are not what was restored any more: 0 to 1, an estimate. */
function shareChanged({ manifest: { entries }, rows }: Base, layout: PathLayout): number {
  const total = entries.reduce((sum, { size }) => sum + size, 0);
  const step = total / SAMPLES;
  let [next, end, changed] = [step / 2, 0, 0];
  entries.forEach((entry, index) => {
    end += entry.size;
    if (end <= next) return;
    // A large file stands for all the samples that fall into it
    const samples = Math.ceil((end - next) / step);
    next += samples * step;
    if (!isUnchanged(entry, index)) changed += samples;
  });
  return changed / SAMPLES;

  function isUnchanged({ name }: Entry, index: number): boolean {
    const stats = quietly(() => exactStatus(layout.toAbsolute(name)));
    return stats !== undefined && rows.matches(index, stats);
  }
}
