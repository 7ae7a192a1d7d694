/**
 * Returns a time that a server sends, in ms since 1970, from any form that Node reads. Returns undefined if it cannot be read or
 * is not after 1970, which servers send for an unknown time. From the year 10000 on the SDK cannot read it.
 */
export function knownTime(time: string | Date | undefined): number | undefined {
  const ms = new Date(time ?? '').getTime();
  return ms > 0 && ms < Date.UTC(10_000) ? ms : undefined;
}
