import { Buffer } from 'node:buffer';
import { padding } from '../format/tar-blocks.ts';
import { headerBound, replaceFraction, type TarMember, writeHeader } from '../format/tar-header.ts';
import type { Mtime } from '../fs/file-times.ts';

/** Memory that a thread packs into, kept from frame to frame: allocating it anew costs more than the work in it. */
let scratch = Buffer.allocUnsafeSlow(0);

/** Tar bytes of one frame. A thread uses one instance at a time: all share its memory. */
export class RawBytes {
  /** Offset of the next byte. Setting it back drops the bytes behind it. */
  at = 0;

  /** Returns the memory, with room for `more` bytes after `at`. */
  reserve(more: number): Buffer {
    if (this.at + more > scratch.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(this.at + more, 2 * scratch.length));
      scratch.copy(larger, 0, 0, this.at);
      scratch = larger;
    }
    return scratch;
  }

  /** Appends a member's header. */
  header(member: TarMember): void {
    this.at = writeHeader(this.reserve(headerBound(member.name, member.linkName)), this.at, member);
  }

  /** Changes the mtime in the header of a member. Returns false if a header with the other time has another length. */
  replaceMtime(start: number, end: number, member: TarMember, mtime: Mtime): boolean {
    if (replaceFraction(scratch, start, member, mtime)) return true;
    const { at } = this;
    this.at = start;
    // There is room: the bound depends only on the names
    this.header({ ...member, ...mtime });
    const fits = this.at === end;
    this.at = at;
    return fits;
  }

  /** Appends the zeros behind `size` bytes of data. */
  pad(size: number): void {
    this.zeros(padding(size));
  }

  /** Appends zeros. */
  zeros(count: number): void {
    this.reserve(count).fill(0, this.at, this.at + count);
    this.at += count;
  }

  /** Returns all bytes; valid until the next frame. */
  written(): Buffer {
    return scratch.subarray(0, this.at);
  }
}
