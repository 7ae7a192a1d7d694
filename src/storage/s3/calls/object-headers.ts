/** Name of the metadata with the random id by which an upload recognises its own object. */
export const SAVE_ID = 'save-id';

/** Removes the quotes of an ETag. Returns undefined if it is empty. */
export function bareEtag(etag: string | undefined): string | undefined {
  return etag?.replace(/^"(.*)"$/, '$1') || undefined;
}
