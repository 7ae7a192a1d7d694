/** Scans without a save. */

import type { PathLayout } from '../../../src/archive/fs/paths/layout.ts';
import type { ScannedEntry } from '../../../src/archive/messages/pack-job.ts';
import { Listings } from '../../../src/archive/scan/listings.ts';
import { SaveNotices } from '../../../src/archive/scan/save-notices.ts';
import { scan } from '../../../src/archive/scan/scan.ts';

interface ScanOptions {
  readonly notices?: SaveNotices;
  readonly listings?: Listings;
  readonly signal?: AbortSignal;
}

/** Returns all entries of a scan. By default it reads all directories itself, with rounded times. */
export async function entriesOf(
  layout: PathLayout,
  roots: readonly string[],
  { notices = new SaveNotices(), listings = new Listings({ exact: false }), signal }: ScanOptions = {},
): Promise<ScannedEntry[]> {
  const entries: ScannedEntry[] = [];
  for await (const batch of scan(layout, roots, notices, listings, signal)) entries.push(...batch);
  return entries;
}
