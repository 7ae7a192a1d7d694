import { CONTENT_HASH_BYTES, ContentHashes, newHashKey } from '../format/content-hashes.ts';
import type { Manifest } from '../format/entry.ts';
import { StatusRows } from '../fs/status-rows.ts';
import type { UnpackResult } from '../messages/unpack-job.ts';
import type { WantedPiece } from './frame-contents.ts';

/** Collects the facts about written files that workers report, for an incremental save. */
export class RestoredFacts {
  /** The status of each whole file, as it was in staging before links were made. */
  readonly rows: StatusRows;
  readonly contents: ContentHashes | undefined;

  /** Collects hashes of the data too if `hashesContent` is true. */
  constructor(manifest: Manifest, hashesContent: boolean) {
    this.rows = StatusRows.of(manifest.entries.length);
    this.contents = hashesContent ? new ContentHashes(manifest, newHashKey()) : undefined;
  }

  /** Adds the result of the job that wrote these pieces. */
  add(pieces: Iterable<WantedPiece>, { status, contents }: UnpackResult): void {
    const rows = status && new StatusRows(status);
    let at = 0;
    for (const { entry, number, size, isSlice } of pieces) {
      if (rows && !isSlice) this.rows.copy(entry, rows, at);
      // An empty file has no piece in `contents`
      if (contents && size > 0) this.contents?.set(entry, number, contents, at * CONTENT_HASH_BYTES);
      at++;
    }
  }
}
