import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';
import { SHA256_BYTES, sha256 } from '../archive/format/codec.ts';
import { ContentHashes } from '../archive/format/content-hashes.ts';
import type { Manifest } from '../archive/format/entry.ts';
import { decodeManifest } from '../archive/format/manifest/manifest-reader.ts';
import { StatusRows } from '../archive/fs/status-rows.ts';
import type { JobRecords } from './job-records.ts';

/**
 * The tree that a restore wrote, for an incremental save of the job. It has the manifest of the object, and the status and the
 * hash of the content of each restored file.
 *
 * The file contains: SHA-256 of the rest, u32 length of the head, head (JSON), frame of the manifest, rows, hashes.
 */
export interface TreeRecord {
  readonly object: string;
  readonly etag: string;
  /** The version of the paths that were restored. A save of another version cannot use the record. */
  readonly version: string;
  readonly manifest: Manifest;
  readonly rows: StatusRows;
  /** Hashes of the contents. Undefined after restore/, and if the record would be too large with them. */
  readonly contents: ContentHashes | undefined;
}

/** Number of the file's layout. Raise it when the layout changes: restore/ and save/ of one job may be of two releases. */
const RECORD_FORMAT = 2;
const PREFIX = 'cache-s3-tree-';
/** Limit on a record, in bytes: three million entries have rows and hashes of about 230 MiB. */
const MAX_BYTES = 256 * 1024 * 1024;
/** Limit on the records that are read for one save. */
const MAX_RECORDS = 16;
/** Room that is left for the head, in bytes. The head contains a name and an ETag. */
const MAX_HEAD_BYTES = 64 * 1024;
const HEAD_START = SHA256_BYTES + 4;

/** A record to write. */
export interface NewTreeRecord extends Omit<TreeRecord, 'manifest'> {
  /** The frame of the manifest, as in the object. */
  readonly manifestBytes: Uint8Array;
}

/** Writes the record. Leaves out the hashes if it would be too large with them, and writes none if it still is. */
export function writeTreeRecord(records: JobRecords, tree: NewTreeRecord): void {
  const { manifestBytes, rows, contents } = tree;
  const bytes = manifestBytes.length + rows.values.byteLength;
  const hasRoom = contents && bytes + contents.values.length <= MAX_BYTES - MAX_HEAD_BYTES;
  const body = encode(tree, hasRoom ? contents : undefined);
  if (body.length > MAX_BYTES - SHA256_BYTES) return;
  records.write(recordName(tree.object, tree.etag), Buffer.concat([sha256(body), body]));
}

function encode(
  { object, etag, version, rows, manifestBytes }: NewTreeRecord,
  contents: ContentHashes | undefined,
): Buffer {
  const head = Buffer.from(
    JSON.stringify({
      format: RECORD_FORMAT,
      object,
      etag,
      version,
      manifestBytes: manifestBytes.length,
      rowBytes: rows.values.byteLength,
      hashKey: contents && Buffer.from(contents.key).toString('hex'),
    }),
    'utf8',
  );
  const length = Buffer.alloc(4);
  length.writeUInt32LE(head.length);
  const hashes = contents ? [contents.values] : [];
  return Buffer.concat([length, head, manifestBytes, Buffer.from(rows.values.buffer), ...hashes]);
}

/** Returns the record of this object. Returns undefined if there is none that can be read. */
export async function readTreeRecord(
  records: JobRecords,
  object: string,
  etag: string,
): Promise<TreeRecord | undefined> {
  const tree = await decode(records.read(recordName(object, etag), MAX_BYTES));
  return tree?.object === object && tree.etag === etag ? tree : undefined;
}

/** Returns the newest record of a version, for save/, which has no state of the restore. Returns undefined if there is none. */
export async function findTreeRecord(records: JobRecords, version: string): Promise<TreeRecord | undefined> {
  for (const record of records.newest(PREFIX, { maxBytes: MAX_BYTES, maxRecords: MAX_RECORDS })) {
    const tree = await decode(record);
    if (tree?.version === version) return tree;
  }
  return undefined;
}

function recordName(object: string, etag: string): string {
  return `${PREFIX}${hash('sha256', `${object}\0${etag}`)}`;
}

/** Decodes a record. Returns undefined if it has any fault. */
async function decode(bytes: Buffer | undefined): Promise<TreeRecord | undefined> {
  if (bytes === undefined) return undefined;
  try {
    // A save copies data by the offsets in the manifest, so every byte must be right
    if (!sha256(bytes.subarray(SHA256_BYTES)).equals(bytes.subarray(0, SHA256_BYTES))) return undefined;
    const headEnd = HEAD_START + bytes.readUInt32LE(SHA256_BYTES);
    const head = JSON.parse(bytes.toString('utf8', HEAD_START, headEnd));
    if (head.format !== RECORD_FORMAT) return undefined;
    const rowsStart = headEnd + head.manifestBytes;
    const manifest = await decodeManifest(bytes.subarray(headEnd, rowsStart));
    const rowsEnd = rowsStart + head.rowBytes;
    // Copies the tables, because they must begin at a multiple of eight bytes
    const rows = new StatusRows(new BigInt64Array(copyOf(bytes.subarray(rowsStart, rowsEnd)).buffer));
    if (rows.length !== manifest.entries.length) return undefined;
    const key =
      typeof head.hashKey === 'string' ? Uint8Array.from(Buffer.from(head.hashKey, 'hex')) : undefined;
    const contents = key && new ContentHashes(manifest, key, copyOf(bytes.subarray(rowsEnd)));
    return { object: head.object, etag: head.etag, version: head.version, manifest, rows, contents };
  } catch {
    return undefined;
  }
}

function copyOf(bytes: Uint8Array): Buffer<ArrayBuffer> {
  return Buffer.from(Uint8Array.from(bytes).buffer);
}
