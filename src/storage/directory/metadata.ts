import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { METADATA_MARK } from './file-names.ts';
import { isAbsent } from './files.ts';

/**
 * An object's metadata lies beside it: the object itself stays a plain file that `zstd -dc` reads. The file's name
 * holds a hash of the ETag, so object and metadata always belong together although they appear one after the other.
 */
export function metadataPath(file: string, etag: string): string {
  const hash = createHash('sha256').update(etag).digest('hex').slice(0, 16);
  return path.join(path.dirname(file), `${METADATA_MARK}${hash},${path.basename(file)}`);
}

export async function readMetadata(file: string, etag: string): Promise<Readonly<Record<string, string>>> {
  try {
    return JSON.parse(await readFile(metadataPath(file, etag), 'utf8'));
  } catch (error) {
    // Lost or torn: metadata is for people, the archive has its own.
    if (isAbsent(error) || error instanceof SyntaxError) return {};
    throw error;
  }
}

export async function writeMetadata(
  file: string,
  etag: string,
  metadata: Readonly<Record<string, string>> | undefined,
): Promise<void> {
  if (metadata && Object.keys(metadata).length > 0) {
    await writeFile(metadataPath(file, etag), JSON.stringify(metadata));
  }
}
