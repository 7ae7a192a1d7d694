/**
 * Objects that no save of ours would write: every column of the manifest is the caller's, as a forger's would be. It is
 * written from the description of the format alone and shares nothing with the writer but the coding of columns.
 */

import { createHash } from 'node:crypto';
import { zstdCompressSync } from 'node:zlib';
import { NumberColumn } from '../../../src/archive/format/manifest/column-buffers.ts';
import { joinColumns } from '../../../src/archive/format/manifest/columns.ts';
import { HEAD } from './archives.ts';

/** The content of a manifest, column by column. */
export interface ManifestColumns {
  head: Record<string, unknown>;
  frameSizes: number[];
  frameRawSizes: number[];
  hashes: Buffer;
  /** Last components as bytes; roots in full. */
  names: (string | Buffer)[];
  depths: number[];
  types: number[];
  modes: number[];
  /** Microseconds, absolute, and the nanoseconds after them. */
  mtimes: number[];
  mtimeRests: number[];
  sizes: number[];
  targets: string[];
  linkDistances: number[];
  uids: number[];
  gids: number[];
  /** Of the entries with data: frame indexes, absolute, and what the offset differs from its prediction. */
  dataFrames: number[];
  offsetResiduals: number[];
}

/** One entry of a forged archive. Depth 0: `name` is a full stored name; else its last component. */
export interface ForgedEntry {
  readonly name: string | Buffer;
  readonly depth?: number;
  readonly type?: number;
  readonly mode?: number;
  readonly data?: string | Buffer;
  readonly target?: string;
  readonly linkDistance?: number;
}

export interface Forgery {
  /** Compressed frames, one after the other. */
  frames: Buffer[];
  columns: ManifestColumns;
}

/** A sound archive of these entries, all data in one frame, to be bent before it is written. */
export function forge(entries: readonly ForgedEntry[]): Forgery {
  const blocks: Buffer[] = [];
  for (const { data } of entries) {
    const bytes = Buffer.from(data ?? '');
    if (bytes.length === 0) continue;
    // In place of a tar header
    blocks.push(Buffer.alloc(512), bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512));
  }
  const raw = Buffer.concat(blocks);
  const frames = raw.length > 0 ? [zstdCompressSync(raw)] : [];
  const withData = entries.filter(({ data }) => data !== undefined && data.length > 0);
  return {
    frames,
    columns: {
      head: { ...HEAD },
      frameSizes: frames.map(frame => frame.length),
      frameRawSizes: frames.map(() => raw.length),
      hashes: Buffer.concat(frames.map(sha256Of)),
      names: entries.map(({ name }) => name),
      depths: entries.map(({ depth }) => depth ?? 0),
      types: entries.map(typeOf),
      modes: entries.map(({ mode }) => mode ?? 0o644),
      mtimes: entries.map(() => 1_600_000_000_000_000),
      mtimeRests: entries.map(() => 0),
      sizes: entries.map(({ data }) => Buffer.from(data ?? '').length),
      targets: entries.flatMap(({ target }) => (target === undefined ? [] : [target])),
      linkDistances: entries.flatMap(({ linkDistance }) =>
        linkDistance === undefined ? [] : [linkDistance],
      ),
      uids: entries.map(() => -1),
      gids: entries.map(() => -1),
      dataFrames: withData.map(() => 0),
      offsetResiduals: withData.map(() => 512),
    },
  };
}

function typeOf({ type, name, target, linkDistance }: ForgedEntry): number {
  if (type !== undefined) return type;
  if (target !== undefined) return 2;
  if (linkDistance !== undefined) return 3;
  return Buffer.from(name).at(-1) === 0x2f ? 1 : 0;
}

/** The object's bytes. */
export function writeForgery(forgery: Forgery): Buffer {
  return assemble(forgery.frames, zstdCompressSync(manifestBytes(forgery.columns)));
}

/** The two zero blocks that end a tar. */
const END_FRAME = zstdCompressSync(Buffer.alloc(1024));

/** An object of data frames and a compressed manifest, whatever is in them. */
export function assemble(frames: readonly Buffer[], manifest: Buffer, format = 2): Buffer {
  const head = Buffer.alloc(16);
  head.writeUInt32LE(0x184d2a51, 0);
  head.writeUInt32LE(8 + manifest.length, 4);
  head.write('CS3M', 8);
  head.writeUInt32LE(format, 12);
  const all = [...frames, END_FRAME];
  return Buffer.concat([...all, head, manifest, forgeSeekTable(all)]);
}

function forgeSeekTable(frames: readonly { readonly length: number }[]): Buffer {
  const table = Buffer.alloc(17 + 8 * frames.length);
  table.writeUInt32LE(0x184d2a5e, 0);
  table.writeUInt32LE(table.length - 8, 4);
  frames.forEach((frame, index) => {
    table.writeUInt32LE(frame.length, 8 + 8 * index);
  });
  table.writeUInt32LE(frames.length, table.length - 9);
  table.writeUInt32LE(0x8f92eab1, table.length - 4);
  return table;
}

/** The manifest before its compression. */
export function manifestBytes(columns: ManifestColumns): Buffer {
  const counts = { frames: columns.frameSizes.length, entries: columns.names.length };
  return joinColumns([
    Buffer.from(JSON.stringify({ counts, ...columns.head })),
    unsigned(columns.frameSizes),
    unsigned(columns.frameRawSizes),
    columns.hashes,
    nameBlock(columns.names),
    unsigned(columns.depths),
    Uint8Array.from(columns.types),
    unsigned(columns.modes),
    signed(differences(columns.mtimes)),
    unsigned(columns.mtimeRests),
    unsigned(columns.sizes),
    nameBlock(columns.targets),
    unsigned(columns.linkDistances),
    signed(columns.uids),
    signed(columns.gids),
    signed(differences(columns.dataFrames)),
    signed(columns.offsetResiduals),
  ]);
}

function nameBlock(names: readonly (string | Buffer)[]): Buffer {
  return Buffer.concat(names.flatMap(name => [Buffer.from(name), Buffer.from([0])]));
}

function differences(values: readonly number[]): number[] {
  return values.map((value, index) => value - (values[index - 1] ?? 0));
}

export function sha256Of(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}

const unsigned = (values: readonly number[]) => new NumberColumn(values).toBuffer();

function signed(values: readonly number[]): Uint8Array {
  const column = new NumberColumn();
  for (const value of values) column.addSigned(value);
  return column.toBuffer();
}
