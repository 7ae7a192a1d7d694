import type { CallOptions } from '../../object-store.ts';
import type { Caller } from '../calls/caller.ts';
import { DeleteObjectCommand } from '../calls/sdk.ts';
import { isMissing } from '../errors/response-error.ts';

/**
 * Deletes an object. May be repeated: there is no condition on its ETag, which radosgw (16.2.15) ignores on deletes, and a
 * second delete of a name finds nothing.
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
  // Many deletes transfer no data, which must not count as missing progress
  caller.forgetWaits();
}
