import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { AwsCredentialIdentityProvider } from '@smithy/types';
import { afterEach, expect, test, vi } from 'vitest';
import { systemClock } from '../../../../src/retry/clock.ts';
import { credentialsFor } from '../../../../src/storage/s3/credentials/credentials.ts';
import { createS3Settings } from '../support.ts';

const directory = mkdtempSync(path.join(tmpdir(), 'cache-s3-credentials-'));
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true });
});

test('a credential_process that fails is said without its command and what it printed', async () => {
  const config = path.join(directory, 'config');
  const program = `node -e "console.error('printed-secret'); process.exit(1)"`;
  writeFileSync(config, `[default]\ncredential_process = ${program} --token argument-secret\n`);
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) vi.stubEnv(name, undefined);
  vi.stubEnv('AWS_CONFIG_FILE', config);
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', path.join(directory, 'credentials'));

  const ask = credentialsFor(createS3Settings({ credentials: undefined }), systemClock);
  const failure = await (ask as AwsCredentialIdentityProvider)().catch((error: Error) => error);
  expect(failure).toMatchObject({
    message: expect.stringContaining('(shared file: credential_process failed)'),
  });
  expect((failure as Error).message).not.toMatch(/(printed|argument)-secret/);
});
