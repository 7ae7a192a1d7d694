import { type FileHandle, mkdir, open, rm } from 'node:fs/promises';
import path from 'node:path';
import { exec } from '@actions/exec';
import {
  GetObjectCommand,
  HeadObjectCommand,
  paginateListObjectsV2,
  type S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import { createTempDirectory, objectPrefix, openClient, type Settings } from './settings.ts';
import { archiveName, extractArguments } from './tar.ts';

const rangeBytes = 16 << 20;
const rangesInFlight = 8;

interface Found {
  readonly object: string;
  readonly bytes: number;
}

/**
 * Downloads to a temporary file, then unpacks it, as the S3 forks of actions/cache do. Returns the archive's bytes. Returns
 * undefined for a miss.
 */
export async function restore(settings: Settings): Promise<number | undefined> {
  const client = openClient(settings);
  const found = await find(client, settings);
  if (found === undefined) return undefined;
  const directory = await createTempDirectory(settings);
  const archive = path.join(directory, archiveName);
  await download(client, settings, found, archive);
  await mkdir(settings.workspace, { recursive: true });
  await exec('tar', extractArguments(archive, settings.workspace));
  await rm(directory, { recursive: true });
  return found.bytes;
}

/** Finds the object of the key, else the newest one of the first restore-key that has any. */
async function find(client: S3Client, settings: Settings): Promise<Found | undefined> {
  const object = objectPrefix + settings.key;
  try {
    const head = await client.send(new HeadObjectCommand({ Bucket: settings.bucket, Key: object }));
    return { object, bytes: head.ContentLength ?? 0 };
  } catch (error) {
    if (!(error instanceof S3ServiceException && error.$metadata.httpStatusCode === 404)) throw error;
  }
  for (const prefix of settings.restoreKeys) {
    const newest = await newestWith(client, settings.bucket, objectPrefix + prefix);
    if (newest !== undefined) return newest;
  }
  return undefined;
}

async function newestWith(client: S3Client, bucket: string, prefix: string): Promise<Found | undefined> {
  let newest: (Found & { readonly time: number }) | undefined;
  for await (const page of paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: prefix })) {
    for (const { Key: object = '', Size: bytes = 0, LastModified } of page.Contents ?? []) {
      const time = LastModified?.getTime() ?? 0;
      if (newest === undefined || time > newest.time) newest = { object, bytes, time };
    }
  }
  return newest;
}

async function download(
  client: S3Client,
  { bucket }: Settings,
  found: Found,
  archive: string,
): Promise<void> {
  const file = await open(archive, 'w');
  try {
    const offsets = Array.from(
      { length: Math.ceil(found.bytes / rangeBytes) },
      (_, index) => index * rangeBytes,
    );
    const next = offsets.values();
    const worker = async () => {
      for (const offset of next) await downloadRange(client, bucket, found, file, offset);
    };
    await Promise.all(Array.from({ length: rangesInFlight }, worker));
  } finally {
    await file.close();
  }
}

async function downloadRange(
  client: S3Client,
  bucket: string,
  { object, bytes }: Found,
  file: FileHandle,
  offset: number,
): Promise<void> {
  const last = Math.min(offset + rangeBytes, bytes) - 1;
  const answer = await client.send(
    new GetObjectCommand({ Bucket: bucket, Key: object, Range: `bytes=${offset}-${last}` }),
  );
  await file.write((await answer.Body?.transformToByteArray()) ?? Buffer.alloc(0), 0, undefined, offset);
}
