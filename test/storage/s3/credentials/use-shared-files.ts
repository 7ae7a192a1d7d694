import path from 'node:path';
import type { AwsCredentialIdentityProvider } from '@smithy/types';
import { afterEach, beforeEach, vi } from 'vitest';
import { systemClock } from '../../../../src/retry/clock.ts';
import { credentialsFor } from '../../../../src/storage/s3/credentials/credentials.ts';
import type { S3Settings } from '../../../../src/storage/s3/s3-settings.ts';
import { scratch } from '../../../support/scratch.ts';
import { createS3Settings } from '../support.ts';

/** The directory of the shared files of the test that runs. */
export let directory: string;
/** Its credentials file, which does not exist yet. */
export let file: string;

/** Gives each test of a file shared files of its own, and no other variable of AWS. Call it once at the top. */
export function useSharedFiles(): void {
  beforeEach(() => {
    // A directory for each test: the SDK reads a path once in a process.
    directory = scratch();
    file = path.join(directory, 'credentials');
    for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) vi.stubEnv(name, undefined);
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', file);
    vi.stubEnv('AWS_CONFIG_FILE', path.join(directory, 'config'));
  });
  afterEach(() => {
    vi.unstubAllEnvs();
  });
}

export const options = { clock: systemClock, stsHandler: noSts, mask: () => {} };

/** Returns what provides the credentials for settings without keys. */
export const provider = (overrides: Partial<S3Settings> = {}) =>
  credentialsFor(
    createS3Settings({ credentials: undefined, ...overrides }),
    options,
  ) as AwsCredentialIdentityProvider;

function noSts(): never {
  return { handle: () => Promise.reject(new Error('no STS in this test')) } as never;
}
