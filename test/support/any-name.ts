/** For `abortStale`: uploads of every name are our own. */
export const ANY_NAME = { isOwn: () => true };
