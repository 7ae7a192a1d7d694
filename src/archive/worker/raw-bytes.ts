import { Buffer } from 'node:buffer';
import { padding } from '../format/tar-blocks.ts';
import { headerBound, type TarMember, writeHeader } from '../format/tar-header.ts';

/** The memory that a worker packs into, kept from frame to frame: fresh memory costs more than the work in it. */
let scratch = Buffer.allocUnsafeSlow(0);

/** The tar bytes of one frame as they are put together. There is one at a time on a thread: all share its memory. */
export class RawBytes {
  /** Where the next byte goes. What stands behind it is given up by setting it back. */
  at = 0;

  /** Room for `more` bytes after `at`. */
  reserve(more: number): Buffer {
    if (this.at + more > scratch.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(this.at + more, 2 * scratch.length));
      scratch.copy(larger, 0, 0, this.at);
      scratch = larger;
    }
    return scratch;
  }

  header(member: TarMember): void {
    this.at = writeHeader(this.reserve(headerBound(member.name, member.linkName)), this.at, member);
  }

  /** Whether a member's header with another time fits exactly where the first one stands. */
  replaceHeader(start: number, end: number, member: TarMember): boolean {
    const { at } = this;
    this.at = start;
    // There is room: the bound depends on the names alone
    this.header(member);
    const fits = this.at === end;
    this.at = at;
    return fits;
  }

  /** The zeros behind `size` bytes of data. */
  pad(size: number): void {
    const zeros = padding(size);
    this.reserve(zeros).fill(0, this.at, this.at + zeros);
    this.at += zeros;
  }

  /** All of it; good until the next frame is begun. */
  written(): Buffer {
    return scratch.subarray(0, this.at);
  }
}
