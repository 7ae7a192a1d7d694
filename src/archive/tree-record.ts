import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { chmodSync, lstatSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Manifest } from './entry.ts';
import { decodeManifest } from './manifest.ts';
import { StatusRows } from './status-rows.ts';

/**
 * What a restore leaves for the save that may follow in the same job, in a directory that lives as long as the job: the
 * manifest of the object that was restored, and the status of every file that came from it.
 */
export interface TreeRecord {
  readonly object: string;
  readonly etag: string;
  /** The version under which it was restored: a save of other paths has no use for it. */
  readonly version: string;
  readonly manifest: Manifest;
  readonly rows: StatusRows;
}

const PREFIX = 'cache-s3-tree-';
/** How long the file system's clock may take to move on, in ms. It ticks every 10 ms at the slowest. */
const CLOCK_WAIT_MS = 1000;

/** `manifestBytes` is the manifest's frame as it stands in the object. */
export interface NewRecord extends Omit<TreeRecord, 'manifest'> {
  readonly manifestBytes: Uint8Array;
}

/**
 * Writes a record, and returns only when the file system's clock has passed the last change in it: a file that changes
 * afterwards gets another change time.
 */
export async function writeRecord(directory: string, record: NewRecord): Promise<void> {
  const { object, etag, version, rows, manifestBytes } = record;
  const file = path.join(directory, recordName(object, etag));
  const head = Buffer.from(
    JSON.stringify({ object, etag, version, manifestBytes: manifestBytes.length }),
    'utf8',
  );
  const length = Buffer.alloc(4);
  length.writeUInt32LE(head.length);
  const body = Buffer.concat([length, head, manifestBytes, Buffer.from(rows.values.buffer)]);
  // Another process may look for records: it sees whole ones
  writeFileSync(`${file}.new`, body, { mode: 0o600 });
  renameSync(`${file}.new`, file);
  const latest = rows.latestChange();
  const deadline = Date.now() + CLOCK_WAIT_MS;
  while (clockAt(file) <= latest && Date.now() < deadline) await setTimeout(2);
}

/** The time that the file system gives to a change of this file now, in ns. */
function clockAt(file: string): bigint {
  chmodSync(file, 0o600);
  return lstatSync(file, { bigint: true }).ctimeNs;
}

/** The record of this object; undefined: there is none that can be read. */
export function readRecord(directory: string, object: string, etag: string): TreeRecord | undefined {
  return load(path.join(directory, recordName(object, etag)));
}

/** The newest record of a restore of the same version: for a save/ that knows nothing of the restore/ before it. */
export function findRecord(directory: string, version: string): TreeRecord | undefined {
  const records = namesIn(directory).flatMap(name => {
    const file = path.join(directory, name);
    const record = name.startsWith(PREFIX) ? load(file) : undefined;
    return record?.version === version ? [{ record, time: lstatSync(file).mtimeMs }] : [];
  });
  return records.sort((a, b) => b.time - a.time)[0]?.record;
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

/** A record is a shortcut: whatever is wrong with it, the save is a full one. */
function load(file: string): TreeRecord | undefined {
  try {
    const body = readFileSync(file);
    const start = 4 + body.readUInt32LE(0);
    const head = JSON.parse(body.toString('utf8', 4, start));
    const end = start + head.manifestBytes;
    const manifest = decodeManifest(body.subarray(start, end));
    // A copy: the table must begin at a multiple of eight bytes
    const rows = new StatusRows(new BigInt64Array(Uint8Array.from(body.subarray(end)).buffer));
    if (rows.length !== manifest.entries.length) return undefined;
    return { object: head.object, etag: head.etag, version: head.version, manifest, rows };
  } catch {
    return undefined;
  }
}
