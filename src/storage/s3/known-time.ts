/**
 * Returns a time that a server sends, in ms since 1970, from any form that Node reads. Returns undefined if it cannot be read, if
 * it is not after 1970, as servers send it for an unknown time, or from the year 10000 on, which the SDK cannot read.
 */
export function knownTime(time: string | Date | undefined): number | undefined {
  const ms = new Date(time ?? '').getTime();
  return ms > 0 && ms < Date.UTC(10_000) ? ms : undefined;
}
