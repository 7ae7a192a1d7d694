import { StoreRefusedError } from '../../store-errors.ts';
import { namesBucket } from '../errors/refusals.ts';
import { isMissing } from '../errors/response-error.ts';
import type { S3Settings } from '../s3-settings.ts';
import type { Attempt, CallSpec } from './call.ts';
import { ListObjectsV2Command } from './sdk.ts';

/**
 * Throws a StoreRefusedError if the endpoint is the address of the bucket: the server would put the bucket's name before the names
 * of objects, and list none. The host name of a server may also begin with the name of its bucket, so only a listing shows the
 * difference. Ignores other failures, because the calls that follow fail too.
 */
export async function checkAddress(
  settings: S3Settings,
  run: (spec: CallSpec, attempt: Attempt<unknown>) => Promise<unknown>,
): Promise<void> {
  if (!namesBucket(settings)) return;
  const spec = { operation: 'ListObjectsV2', about: 'to check the address', optional: true };
  const command = new ListObjectsV2Command({ Bucket: settings.bucket, MaxKeys: 1 });
  await run(spec, (client, options) => client.send(command, options)).catch(error => {
    if (error instanceof StoreRefusedError && isMissing(error.cause)) throw error;
  });
}
