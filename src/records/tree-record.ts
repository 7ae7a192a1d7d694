import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';
import { deserialize, serialize } from 'node:v8';
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
 * The file contains the SHA-256 of the rest, and a `StoredTree` as `node:v8` serializes it.
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
/** Room that is left for the name, the ETag and all else but the tables, in bytes. */
const MAX_HEAD_BYTES = 64 * 1024;

/** A record to write. */
export interface NewTreeRecord extends Omit<TreeRecord, 'manifest'> {
  /** The frame of the manifest, as in the object. */
  readonly manifestBytes: Uint8Array;
}

interface StoredTree extends Pick<NewTreeRecord, 'object' | 'etag' | 'version' | 'manifestBytes'> {
  readonly format: number;
  readonly rows: BigInt64Array<ArrayBuffer>;
  readonly hashes: Pick<ContentHashes, 'key' | 'values'> | undefined;
}

/** Writes the record. Leaves out the hashes if it would be too large with them, and writes none if it still is. */
export function writeTreeRecord(records: JobRecords, tree: NewTreeRecord): void {
  const { object, etag, version, manifestBytes, rows, contents } = tree;
  const bytes = manifestBytes.length + rows.values.byteLength;
  const hasRoom = contents && bytes + contents.values.length <= MAX_BYTES - MAX_HEAD_BYTES;
  const hashes = hasRoom ? { key: contents.key, values: contents.values } : undefined;
  const format = RECORD_FORMAT;
  const stored: StoredTree = { format, object, etag, version, manifestBytes, rows: rows.values, hashes };
  const body = serialize(stored);
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
    const { format, object, etag, version, manifestBytes, ...tables }: StoredTree = deserialize(body);
    if (format !== RECORD_FORMAT) return undefined;
    const manifest = await decodeManifest(Buffer.from(manifestBytes));
    const rows = new StatusRows(tables.rows);
    if (rows.length !== manifest.entries.length) return undefined;
    const { key, values } = tables.hashes ?? {};
    const contents = key && values && new ContentHashes(manifest, key, Buffer.from(values));
    return { object, etag, version, manifest, rows, contents };
  } catch {
    return undefined;
  }
}
