import type { BigIntStats } from 'node:fs';
import type { Entry, Manifest } from '../format/entry.ts';
import { lstatExact } from '../fs/file-status.ts';
import { ignoreErrors } from '../fs/ignore-errors.ts';
import type { PathLayout } from '../fs/paths/layout.ts';
import { encodeContentJob, type HashedPiece } from '../messages/content-job.ts';
import { InlineRunner } from '../worker/worker.ts';
import { type BaseArchive, isWorthReusing, regionUsage } from './reuse-estimate.ts';
import { hashedPieces, isTouched } from './touched-files.ts';

/** Files that are compared with the disk, which takes some ms: enough to estimate a share of 20 % to within 2 %. */
const SAMPLES = 512;
/** Maximum pieces and bytes of touched files that are read, in up to 20 ms: enough to estimate their share to within 4 %. */
const MAX_READ_PIECES = 128;
const MAX_READ_BYTES = 16 * 1024 * 1024;

/** Margin of the estimate, as a share of the region, so that the scan rarely contradicts it. */
const MARGIN = 0.03;

/** Estimates before the scan, from samples of files, whether a save should copy the base. A wrong estimate only takes time. */
export async function isLikelyWorthReusing(base: BaseArchive, layout: PathLayout): Promise<boolean> {
  const { regionBytes, deadBytes } = regionUsage(base.manifest);
  const changed = await estimateChangedShare(base, layout);
  return isWorthReusing({ regionBytes, deadBytes: deadBytes + (changed + MARGIN) * regionBytes });
}

/**
 * Estimates the share of the base's stored bytes, 0 to 1, that belong to files which have changed since the restore. Uses samples
 * at even distances over these bytes.
 */
async function estimateChangedShare(base: BaseArchive, layout: PathLayout): Promise<number> {
  const samples = pickSamples(base.manifest);
  const touched: HashedPiece[] = [];
  let changed = 0;
  let last: { readonly entry: number; readonly stats: BigIntStats | undefined } | undefined;
  for (const { entry, share } of samples) {
    const { name, size } = base.manifest.entries[entry]!;
    const path = layout.toAbsolute(name);
    if (last?.entry !== entry) last = { entry, stats: ignoreErrors(() => lstatExact(path)) };
    const { stats } = last;
    if (stats && base.rows.matches(entry, stats)) continue;
    if (!stats?.isFile() || !isTouched(base, entry, stats)) changed++;
    else {
      const at = Math.floor(share * size);
      const pieces = hashedPieces(base, entry, path, stats);
      touched.push(pieces.find(piece => at < piece.position + piece.size)!);
    }
  }
  if (samples.length === 0) return 0;
  return (changed + touched.length * (await measureDifferingShare(touched, base))) / samples.length;
}

interface Sample {
  readonly entry: number;
  /** Place in the data of the entry, 0 to 1. */
  readonly share: number;
}

function pickSamples({ entries, frames }: Manifest): Sample[] {
  const ratios = frames.map(({ size, rawSize }) => size / rawSize);
  const stored = ({ size, frame }: Entry) => (size > 0 ? size * ratios[frame]! : 0);
  const total = entries.reduce((sum, entry) => sum + stored(entry), 0);
  const step = total / SAMPLES;
  const samples: Sample[] = [];
  let [next, start] = [step / 2, 0];
  entries.forEach((each, entry) => {
    const bytes = stored(each);
    for (; next < start + bytes; next += step) samples.push({ entry, share: (next - start) / bytes });
    start += bytes;
  });
  return samples;
}

/** Reads some of the touched pieces. Returns the share of them, 0 to 1, that have other data than the base. */
async function measureDifferingShare(
  touched: readonly HashedPiece[],
  { contents }: BaseArchive,
): Promise<number> {
  if (touched.length === 0) return 0;
  const bytes = touched.reduce((sum, { size }) => sum + size, 0);
  const count = Math.min(MAX_READ_PIECES, Math.floor((MAX_READ_BYTES / bytes) * touched.length));
  const stride = Math.ceil(touched.length / Math.max(1, count));
  const read = touched.filter((_, index) => index % stride === 0);
  const { isSame } = await new InlineRunner().run(encodeContentJob(read, contents!.key));
  return isSame.reduce((differing, same) => differing + (1 - same), 0) / read.length;
}
