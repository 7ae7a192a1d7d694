import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { SHA256_BYTES, sha256 } from '../archive/format/codec.ts';
import type { Manifest } from '../archive/format/entry.ts';
import { decodeManifest } from '../archive/format/manifest-reader.ts';
import { StatusRows } from '../archive/fs/status-rows.ts';
import { writeJobFile } from './job-file.ts';

/**
 * What a restore leaves for the save that may follow in the same job, in a directory that lives as long as the job: the
 * manifest of the object that was restored, and the status of every file that came from it.
 *
 * In the file: SHA-256 of all that follows, u32 length of the head, head (JSON), the manifest's frame, the rows.
 */
export interface TreeRecord {
  readonly object: string;
  readonly etag: string;
  /** The version under which it was restored: a save of other paths has no use for it. */
  readonly version: string;
  readonly manifest: Manifest;
  readonly rows: StatusRows;
}

/** Raise it when the layout of the file changes: restore/ and save/ of one job may be of two releases. */
const RECORD_FORMAT = 1;
const PREFIX = 'cache-s3-tree-';
const HEAD_START = SHA256_BYTES + 4;

/** `manifestBytes` is the manifest's frame as it stands in the object. */
export interface NewRecord extends Omit<TreeRecord, 'manifest'> {
  readonly manifestBytes: Uint8Array;
}

/** Writes a record. Throws the system's errors. */
export function writeRecord(directory: string, record: NewRecord): void {
  const { object, etag, version, rows, manifestBytes } = record;
  const head = Buffer.from(
    JSON.stringify({ format: RECORD_FORMAT, object, etag, version, manifestBytes: manifestBytes.length }),
    'utf8',
  );
  const length = Buffer.alloc(4);
  length.writeUInt32LE(head.length);
  const body = Buffer.concat([length, head, manifestBytes, Buffer.from(rows.values.buffer)]);
  writeJobFile(path.join(directory, recordName(object, etag)), Buffer.concat([sha256(body), body]));
}

/** The record of this object; undefined: there is none that can be read. */
export function readRecord(directory: string, object: string, etag: string): TreeRecord | undefined {
  const record = load(path.join(directory, recordName(object, etag)));
  return record?.object === object && record.etag === etag ? record : undefined;
}

/** The newest record of a restore of the same version: for a save/ that knows nothing of the restore/ before it. */
export function findRecord(directory: string, version: string): TreeRecord | undefined {
  const records = namesIn(directory).flatMap(name => {
    const file = path.join(directory, name);
    const record = isRecordName(name) ? load(file) : undefined;
    return record?.version === version ? [{ record, time: lstatSync(file, { bigint: true }).mtimeNs }] : [];
  });
  return records.sort((a, b) => (a.time < b.time ? 1 : -1))[0]?.record;
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function recordName(object: string, etag: string): string {
  return `${PREFIX}${createHash('sha256').update(`${object}\0${etag}`).digest('hex')}`;
}

/** Not one that a killed restore left unfinished. */
function isRecordName(name: string): boolean {
  return name.startsWith(PREFIX) && name.length === PREFIX.length + 2 * SHA256_BYTES;
}

/** A record is a shortcut: whatever is wrong with it, the save is a full one. */
function load(file: string): TreeRecord | undefined {
  try {
    const bytes = readFileSync(file);
    // The manifest in it says where data lies, and a save would believe it
    if (!sha256(bytes.subarray(SHA256_BYTES)).equals(bytes.subarray(0, SHA256_BYTES))) return undefined;
    const headEnd = HEAD_START + bytes.readUInt32LE(SHA256_BYTES);
    const head = JSON.parse(bytes.toString('utf8', HEAD_START, headEnd));
    if (head.format !== RECORD_FORMAT) return undefined;
    const rowsStart = headEnd + head.manifestBytes;
    const manifest = decodeManifest(bytes.subarray(headEnd, rowsStart));
    // A copy: the table must begin at a multiple of eight bytes
    const rows = new StatusRows(new BigInt64Array(Uint8Array.from(bytes.subarray(rowsStart)).buffer));
    if (rows.length !== manifest.entries.length) return undefined;
    return { object: head.object, etag: head.etag, version: head.version, manifest, rows };
  } catch {
    return undefined;
  }
}
