/** Metadata name of the random id by which an upload recognises its own object. */
export const SAVE_ID = 'save-id';

/** ETags travel in quotes; the port's have none. Empty (radosgw after Complete) is undefined. */
export function bareEtag(etag: string | undefined): string | undefined {
  return etag?.replace(/^"(.*)"$/, '$1') || undefined;
}
