import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { S3Client } from '@aws-sdk/client-s3';

/** The environment variables that the bench sets for every program. */
export interface Settings {
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  readonly key: string;
  readonly restoreKeys: readonly string[];
  /** Relative to the workspace. */
  readonly path: string;
  readonly workspace: string;
  readonly temp: string;
}

export function readSettings(env: NodeJS.ProcessEnv): Settings {
  const need = (name: string) => {
    const value = env[name];
    if (!value) throw new Error(`The environment variable ${name} is missing.`);
    return value;
  };
  return {
    endpoint: need('BENCH_ENDPOINT'),
    region: need('AWS_REGION'),
    bucket: need('BENCH_BUCKET'),
    key: need('BENCH_KEY'),
    restoreKeys: (env.BENCH_RESTORE_KEYS ?? '').split('\n').filter(line => line !== ''),
    path: need('BENCH_PATH'),
    workspace: need('GITHUB_WORKSPACE'),
    temp: need('RUNNER_TEMP'),
  };
}

/** Creates a client with credentials of the environment. Optional checksums would only slow the reference down. */
export function openClient({ endpoint, region }: Settings): S3Client {
  return new S3Client({
    endpoint,
    region,
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
}

/** Makes a directory below the runner's temporary one, as @actions/cache does. */
export async function createTempDirectory({ temp }: Settings): Promise<string> {
  const directory = path.join(temp, randomUUID());
  await mkdir(directory, { recursive: true });
  return directory;
}

export const objectPrefix = 'reference/';
