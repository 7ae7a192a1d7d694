import { SaveNotices } from '../../../src/archive/scan/save-notices.ts';

/** Records each path of a save's notices: `/w/fifo: neither a file, a directory nor a link`, `/w/old: 1970`. */
export class RecordedNotices extends SaveNotices {
  readonly skippedPaths: string[] = [];
  readonly outOfRange: string[] = [];

  override addSkipped(path: string, why: string): void {
    this.skippedPaths.push(`${path}: ${why}`);
  }

  override addChangedTime(path: string, limit: number): void {
    this.outOfRange.push(`${path}: ${limit}`);
  }
}
