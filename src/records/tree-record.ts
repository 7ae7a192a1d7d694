import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';
import { SHA256_BYTES, sha256 } from '../archive/format/codec.ts';
import { ContentHashes } from '../archive/format/content-hashes.ts';
import type { Manifest } from '../archive/format/entry.ts';
import { ColumnReader, joinColumns } from '../archive/format/manifest/columns.ts';
import { decodeManifest } from '../archive/format/manifest/manifest-reader.ts';
import { StatusRows } from '../archive/fs/status-rows.ts';
import { isTexts, type JobRecords } from './job-records.ts';

/**
 * The tree that a restore wrote, for an incremental save of the job. It has the manifest of the object, and the status and the
 * hash of the content of each restored file.
 *
 * The file contains the SHA-256 of the rest, and five columns (`joinColumns`): a head (JSON), the frame of the manifest, the rows,
 * and the key and the values of the hashes, which are empty without hashes. Any program of the job can write a record, so no column
 * may take much more memory than its bytes.
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
const RECORD_FORMAT = 3;
const PREFIX = 'cache-s3-tree-';
/** Limit on a record, in bytes: three million entries have rows and hashes of about 230 MiB. */
const MAX_BYTES = 256 * 1024 * 1024;
/** Limit on the number of records that are read for one save. Together they have at most `MAX_BYTES`. */
const MAX_RECORDS = 16;
/** Limit on the head, and room that is left for all but the tables, in bytes. The head contains a name and an ETag. */
const MAX_HEAD_BYTES = 64 * 1024;

/** A record to write. */
export interface NewTreeRecord extends Omit<TreeRecord, 'manifest'> {
  /** The frame of the manifest, as in the object. */
  readonly manifestBytes: Uint8Array;
}

/** Writes the record. Leaves out the hashes if it would be too large with them, and writes none if it still is. */
export function writeTreeRecord(records: JobRecords, tree: NewTreeRecord): void {
  const { object, etag, version, manifestBytes, rows, contents } = tree;
  const bytes = manifestBytes.length + rows.values.byteLength;
  const hasRoom = contents && bytes + contents.values.length <= MAX_BYTES - MAX_HEAD_BYTES;
  const { key, values } = hasRoom ? contents : { key: new Uint8Array(), values: new Uint8Array() };
  const head = Buffer.from(JSON.stringify({ format: RECORD_FORMAT, object, etag, version }));
  const { buffer, byteOffset, byteLength } = rows.values;
  const body = joinColumns([
    head,
    manifestBytes,
    new Uint8Array(buffer, byteOffset, byteLength),
    key,
    values,
  ]);
  if (body.length > MAX_BYTES - SHA256_BYTES) return;
  records.write(recordName(object, etag), Buffer.concat([sha256(body), body]));
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
    const body = bytes.subarray(SHA256_BYTES);
    if (!sha256(body).equals(bytes.subarray(0, SHA256_BYTES))) return undefined;
    const columns = new ColumnReader(body);
    const head = columns.readBytes();
    if (head.length > MAX_HEAD_BYTES) return undefined;
    const { format, object, etag, version } = JSON.parse(head.toString());
    if (format !== RECORD_FORMAT || !isTexts([object, etag, version])) return undefined;
    const manifest = await decodeManifest(columns.readBytes());
    const rows = new StatusRows(new BigInt64Array(copyOf(columns.readBytes())));
    if (rows.length !== manifest.entries.length) return undefined;
    const key = new Uint8Array(copyOf(columns.readBytes()));
    const values = Buffer.from(copyOf(columns.readBytes()));
    const contents = key.length > 0 ? new ContentHashes(manifest, key, values) : undefined;
    return { object, etag, version, manifest, rows, contents };
  } catch {
    return undefined;
  }
}

/** Returns a copy, because a table begins at a multiple of eight bytes, and a view would keep the whole record in memory. */
function copyOf(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
