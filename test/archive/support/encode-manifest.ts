import type { Buffer } from 'node:buffer';
import type { Manifest } from '../../../src/archive/format/entry.ts';
import { ManifestWriter } from '../../../src/archive/format/manifest/manifest-writer.ts';

/** A manifest that is there as a whole, as a save writes it: entry by entry. */
export function encodeManifest({ head, frames, entries }: Manifest): Buffer {
  const writer = new ManifestWriter();
  for (const entry of entries) writer.add(entry);
  return writer.finish(head, frames);
}
