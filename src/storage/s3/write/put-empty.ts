import type { OptionalCallOptions } from '../../object-store.ts';
import type { Caller } from '../calls/caller.ts';
import { encryptionParameters } from '../calls/object-headers.ts';
import { PutObjectCommand } from '../calls/sdk.ts';
import { ownBody, sendPart } from './multipart/part-body.ts';

/** Stores an object without bytes. May be repeated: each attempt stores the same. */
export async function putEmpty(
  caller: Caller,
  name: string,
  { signal, optional = false }: OptionalCallOptions = {},
): Promise<void> {
  const spec = { operation: 'PutObject', about: `${name}, 0 bytes`, signal, optional };
  await caller.run(spec, async (client, options) => {
    const { VersionId } = await sendPart(caller, ownBody({ pieces: [], sizeBytes: 0 }), md5 =>
      client.send(
        new PutObjectCommand({
          Bucket: caller.settings.bucket,
          Key: name,
          Body: '',
          ContentLength: 0,
          ...encryptionParameters(caller.settings),
          ...md5,
        }),
        options,
      ),
    );
    caller.capabilities.versioned ||= VersionId !== undefined;
  });
}
