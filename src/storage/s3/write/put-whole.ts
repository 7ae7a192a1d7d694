import type { OptionalCallOptions } from '../../object-store.ts';
import { StoreRefusedError } from '../../store-errors.ts';
import type { Attempt, CallSpec } from '../calls/call.ts';
import type { Caller } from '../calls/caller.ts';
import { bareEtag, encryptionParameters, SAVE_ID } from '../calls/object-headers.ts';
import { PutObjectCommand, type PutObjectCommandInput } from '../calls/sdk.ts';
import { isStatus } from '../errors/response-error.ts';
import { lacksConditions } from '../errors/server-refusals.ts';
import { headObject } from '../read/head.ts';
import { md5Of } from '../transport/transport.ts';
import { ownBody, type PartBytes, sendPart } from './body.ts';
import {
  checkCondition,
  conditionError,
  isConditionMet,
  isOurs,
  notStoredError,
  type Publication,
} from './publication.ts';

/**
 * Stores a whole object by one PutObject. If the server obeys conditions, one of several writers with `onlyIfAbsent` wins (tested
 * with eight on radosgw 16.2.15). Otherwise the object is checked directly before.
 * @throws ObjectExistsError or ObjectReplacedError when the condition is not met.
 */
export async function putWhole(caller: Caller, publication: Publication, part: PartBytes): Promise<void> {
  const { capabilities } = caller;
  const { name, onlyIfAbsent, onlyIfEtag, signal, onPublish } = publication;
  const isConditional = onlyIfAbsent || onlyIfEtag !== undefined;
  const isExact = capabilities.hasConditionalPut && !capabilities.versioned;
  if (onlyIfEtag !== undefined || (onlyIfAbsent && !isExact)) await checkCondition(caller, publication);
  else if (!caller.hasResponded) await waitForResponse(caller, name, signal);
  onPublish?.();
  let outcome = await put(caller, publication, part, isConditional && capabilities.hasConditionalPut);
  if (outcome === 'not implemented') {
    capabilities.hasConditionalPut = false;
    await checkCondition(caller, publication);
    outcome = await put(caller, publication, part, false);
  }
  // AWS returns 409 when two conditional writes overlap, and requires a retry
  if (outcome === 'conflict') outcome = await put(caller, publication, part, isConditional);
  if (outcome === 'stored') return;
  const present = await headObject(caller, name, { signal });
  if (isOurs(present, publication, () => md5Of(part.pieces, 'hex'))) return;
  if (outcome === 'unclear') {
    throw present ? conditionError(publication) : notStoredError(name, 'PutObject');
  }
  if (outcome === 'conflict' || !isConditionMet(publication, present)) throw conditionError(publication);
  // The condition is met, so the refusal is wrong: radosgw 16.2.15 returns 412 to each If-Match in a bucket with versions
  capabilities.hasConditionalPut = false;
  outcome = await put(caller, publication, part, false);
  if (outcome !== 'stored') throw notStoredError(name, 'PutObject');
}

/**
 * Sends PutObject. May be repeated: each attempt stores the same bytes under the same name. If the first attempt succeeded and only
 * its response was lost, the condition refuses the second one. The save-id then shows that the object is ours.
 */
async function put(
  caller: Caller,
  { name, saveId, onlyIfAbsent, onlyIfEtag, signal, sizeBytes }: Publication,
  part: PartBytes,
  isConditional: boolean,
): Promise<'stored' | 'unclear' | 'refused' | 'conflict' | 'not implemented'> {
  const spec: CallSpec = {
    operation: 'PutObject',
    about: `${name}, ${sizeBytes} bytes`,
    signal,
    sendsBytes: sizeBytes,
  };
  const parameters = {
    ContentType: 'application/zstd',
    Metadata: { [SAVE_ID]: saveId },
    ...(isConditional && onlyIfAbsent && { IfNoneMatch: '*' }),
    // radosgw 16.2.15 compares If-Match of a PutObject with its unquoted ETag; AWS accepts both
    ...(isConditional && onlyIfEtag !== undefined && { IfMatch: onlyIfEtag }),
  };
  return caller.run(spec, async (...call) => {
    try {
      const etag = await sendObject(caller, name, part, parameters, call);
      // A server that is not an S3 server may return 200 to any request
      return etag === undefined ? 'unclear' : 'stored';
    } catch (error) {
      if (isConditional && lacksConditions(error)) return 'not implemented';
      if (isStatus(error, 409)) return 'conflict';
      // A 404 means that the object of If-Match was removed
      if (isStatus(error, 412) || (onlyIfEtag !== undefined && isStatus(error, 404))) return 'refused';
      throw error;
    }
  });
}

/** Stores an object without bytes. May be repeated: each attempt stores the same object. */
export async function putEmpty(
  caller: Caller,
  name: string,
  { signal, optional = false }: OptionalCallOptions = {},
): Promise<void> {
  const spec = { operation: 'PutObject', about: `${name}, 0 bytes`, signal, optional };
  await caller.run(spec, (...call) => sendObject(caller, name, { pieces: [], sizeBytes: 0 }, {}, call));
}

/** Sends one PutObject. Returns the ETag without quotes. Returns undefined if the response has none. */
async function sendObject(
  caller: Caller,
  name: string,
  part: PartBytes,
  parameters: Partial<PutObjectCommandInput>,
  [client, options, progress]: Parameters<Attempt<unknown>>,
): Promise<string | undefined> {
  const body = ownBody(part);
  const { ETag, VersionId } = await sendPart(caller, body, md5 =>
    client.send(
      new PutObjectCommand({
        Bucket: caller.settings.bucket,
        Key: name,
        Body: body.stream(progress),
        ContentLength: part.sizeBytes,
        ...encryptionParameters(caller.settings),
        ...parameters,
        ...md5,
      }),
      options,
    ),
  );
  caller.capabilities.noteVersion(VersionId);
  return bareEtag(ETag);
}

/**
 * Waits for any response of an endpoint that has not responded yet. The response to a PutObject is sent only after the whole
 * body, so it cannot distinguish a dead endpoint from a slow one. A refusal is enough: some credentials may only write, and wrong
 * ones are refused again.
 */
async function waitForResponse(caller: Caller, name: string, signal: AbortSignal | undefined): Promise<void> {
  try {
    await headObject(caller, name, { signal });
  } catch (error) {
    if (!(error instanceof StoreRefusedError)) throw error;
  }
}
