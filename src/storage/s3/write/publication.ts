import type { UploadOptions } from '../../object-store.ts';
import { ObjectExistsError, ObjectReplacedError, StoreUnavailableError } from '../../store-errors.ts';
import type { Caller } from '../calls/caller.ts';
import { type HeadInfo, headObject } from '../read/head.ts';

/** An upload and its condition. Without `onlyIfAbsent` or `onlyIfEtag` the object is always stored. */
export interface Publication
  extends Pick<UploadOptions, 'onlyIfAbsent' | 'onlyIfEtag' | 'signal' | 'onPublish'> {
  readonly name: string;
  readonly saveId: string;
  readonly sizeBytes: number;
}

/** Throws `conditionError` unless the object may be stored. After this check the last writer wins, with a whole object. */
export async function checkCondition(caller: Caller, publication: Publication): Promise<void> {
  const { name, onlyIfAbsent, onlyIfEtag, signal } = publication;
  if (!onlyIfAbsent && onlyIfEtag === undefined) return;
  const present = await headObject(caller, name, { signal });
  if (!isConditionMet(publication, present)) throw conditionError(publication);
}

/** Returns whether the condition is met while this object is present. */
export function isConditionMet(
  { onlyIfAbsent, onlyIfEtag }: Publication,
  present: HeadInfo | undefined,
): boolean {
  if (onlyIfAbsent) return present === undefined;
  return onlyIfEtag === undefined || present?.etag === onlyIfEtag;
}

/** Makes the error of a condition that is not met. */
export function conditionError({ name, onlyIfAbsent }: Publication): Error {
  return onlyIfAbsent
    ? new ObjectExistsError(`${name} was stored by another job meanwhile`)
    : new ObjectReplacedError(`${name} was replaced by another job meanwhile`);
}

/** Makes the error of a call that has succeeded, although the server does not have the object. */
export function notStoredError(name: string, operation: string): StoreUnavailableError {
  return new StoreUnavailableError(
    `${name}: the server responded to ${operation}, but does not have the object`,
  );
}

/**
 * Returns whether this upload has stored the object, by its save-id. If a reverse proxy has dropped the metadata, compares the
 * ETag, which is equal for equal bytes.
 * @param etag returns the ETag of this upload's bytes. It is called only if needed, because it may take long.
 */
export function isOurs(present: HeadInfo | undefined, { saveId }: Publication, etag: () => string): boolean {
  if (present === undefined) return false;
  return present.saveId === undefined ? present.etag === etag() : present.saveId === saveId;
}
