import { CONTENT_HASH_BYTES, ContentHashes, newHashKey } from '../format/content-hashes.ts';
import type { Manifest } from '../format/entry.ts';
import { StatusRows } from '../fs/status-rows.ts';
import type { UnpackResult, WantedFacts } from '../messages/unpack-job.ts';
import type { FrameContents } from './frame-contents.ts';

/** Collects what the workers report of the files that they write, for an incremental save. */
export class RestoredFacts {
  readonly wants: WantedFacts;
  /** The status of each whole file, as it was in staging before links were made. */
  readonly rows: StatusRows;
  readonly contents: ContentHashes | undefined;

  /** `content`: whether the data of the files is hashed too. */
  constructor(manifest: Manifest, content: boolean) {
    this.rows = StatusRows.of(manifest.entries.length);
    this.contents = content ? new ContentHashes(manifest, newHashKey()) : undefined;
    this.wants = { status: true, contentKey: this.contents?.key };
  }

  /** Takes the result of the job that wrote these empty files. */
  addEmpty(files: readonly number[], { status }: UnpackResult): void {
    const rows = status && new StatusRows(status);
    if (rows) files.forEach((entry, piece) => void this.rows.copy(entry, rows, piece));
  }

  /** Takes the result of the job that wrote the files in these frames. */
  addFrames(
    frames: readonly number[],
    contents: FrameContents,
    manifest: Manifest,
    result: UnpackResult,
  ): void {
    const rows = result.status && new StatusRows(result.status);
    let piece = 0;
    for (const frame of frames) {
      for (const entry of contents.whole(frame)) {
        if (rows) this.rows.copy(entry, rows, piece);
        this.#addContent(entry, 0, result, piece++);
      }
      for (const { entry } of contents.slices(frame))
        this.#addContent(entry, frame - manifest.entries[entry]!.frame, result, piece++);
    }
  }

  #addContent(entry: number, pieceOfEntry: number, { contents }: UnpackResult, piece: number): void {
    if (contents) this.contents?.set(entry, pieceOfEntry, contents, piece * CONTENT_HASH_BYTES);
  }
}
