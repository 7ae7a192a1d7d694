import { createReadStream } from 'node:fs';
import { rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { exec } from '@actions/exec';
import { Upload } from '@aws-sdk/lib-storage';
import { createTempDirectory, objectPrefix, openClient, type Settings } from './settings.ts';
import { archiveName, createArguments, manifestName } from './tar.ts';

const partBytes = 32 << 20;
const partsInFlight = 4;

/** Packs to a temporary file, then uploads it in parts, as the S3 forks of actions/cache do. Returns the archive's bytes. */
export async function save(settings: Settings): Promise<number> {
  const directory = await createTempDirectory(settings);
  await writeFile(path.join(directory, manifestName), settings.path);
  await exec('tar', createArguments(settings.workspace), { cwd: directory });
  const archive = path.join(directory, archiveName);
  const { size } = await stat(archive);
  const upload = new Upload({
    client: openClient(settings),
    params: { Bucket: settings.bucket, Key: objectPrefix + settings.key, Body: createReadStream(archive) },
    partSize: partBytes,
    queueSize: partsInFlight,
  });
  await upload.done();
  await rm(directory, { recursive: true });
  return size;
}
