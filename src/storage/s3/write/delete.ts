import type { CallOptions } from '../../object-store.ts';
import type { Caller } from '../calls/caller.ts';
import { DeleteObjectCommand } from '../calls/sdk.ts';
import { isMissing } from '../errors/response-error.ts';

/**
 * Deletes an object. May be repeated: a second delete of a name finds nothing. It has no condition on the ETag, because radosgw
 * (16.2.15) ignores conditions on deletes.
 */
export async function deleteObject(
  caller: Caller,
  name: string,
  { signal }: CallOptions = {},
): Promise<void> {
  const command = new DeleteObjectCommand({ Bucket: caller.settings.bucket, Key: name });
  await caller.run({ operation: 'DeleteObject', about: name, signal }, async (client, options) => {
    try {
      await client.send(command, options);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  });
  // Deletes transfer no data, so the waits of many of them would add up to a time-out
  caller.forgetWaits();
}
