import { countOf, formatBytes, formatDuration, formatRate } from './units.ts';

/** Facts about one phase, for its last two lines and for the job summary. A fact that is not known is left out. */
export interface PhaseFacts {
  readonly op: 'restore' | 'lookup' | 'save';
  readonly source: 's3' | 'directory' | 'github' | 'none';
  /** The result in one word: `hit`, `partial`, `miss`, `saved`, `exists`, ... */
  readonly result: string;
  /** Size of the stored object in bytes. */
  readonly sizeBytes?: number | undefined;
  readonly entries?: number | undefined;
  /** Uncompressed bytes of file data. */
  readonly rawBytes?: number | undefined;
  /** Bytes of the object that an incremental save copied inside the store. */
  readonly reusedBytes?: number;
  /** Bytes that a restore with a disk cache read from the bucket, including the manifest, and from the disk. */
  readonly fetchedBytes?: number | undefined;
  readonly diskBytes?: number | undefined;
  readonly ms: number;
  readonly requests: number;
  readonly retries: number;
}

/**
 * Returns the line for programs: `cache-s3: op=save source=s3 result=saved bytes=1 ms=2 requests=3 retries=0`. An incremental
 * save adds ` reused=1`, and a restore with a disk cache ` bucket=1 disk=2`.
 */
export function machineLine(facts: PhaseFacts): string {
  const fields = {
    op: facts.op,
    source: facts.source,
    result: facts.result,
    bytes: facts.sizeBytes,
    ms: Math.round(facts.ms),
    requests: facts.requests,
    retries: facts.retries,
    reused: facts.reusedBytes || undefined,
    bucket: facts.fetchedBytes,
    disk: facts.diskBytes,
  };
  const known = Object.entries(fields).filter(([, value]) => value !== undefined);
  return `cache-s3: ${known.map(([name, value]) => `${name}=${value}`).join(' ')}`;
}

/** Returns the line for people. Returns undefined if nothing was transferred. */
export function peopleLine(facts: PhaseFacts): string | undefined {
  const { entries, rawBytes, sizeBytes, ms } = facts;
  const isTransfer = facts.result === 'saved' || facts.result === 'hit' || facts.result === 'partial';
  if (!isTransfer || facts.op === 'lookup') return undefined;
  const what = [
    entries === undefined ? undefined : countOf(entries, 'entry', 'entries'),
    rawBytes === undefined ? undefined : `${formatBytes(rawBytes)} of files`,
    sizeBytes === undefined ? undefined : `${formatBytes(sizeBytes)} stored`,
    facts.reusedBytes ? `${formatBytes(facts.reusedBytes)} of it copied` : undefined,
    facts.fetchedBytes === undefined ? undefined : `${formatBytes(facts.fetchedBytes)} from the bucket`,
    facts.diskBytes === undefined ? undefined : `${formatBytes(facts.diskBytes)} from the disk cache`,
  ].filter(part => part !== undefined);
  const verb = facts.op === 'save' ? 'Saved' : 'Restored';
  const rate = rateOf(facts);
  const time = `${formatDuration(ms)}${rate === undefined ? '' : ` (${rate})`}`;
  return `${verb}${what.length > 0 ? ` ${what.join(', ')},` : ''} in ${time}`;
}

/** Returns the rate of a phase by the bytes of its files, or else of its object. Returns undefined if there are none. */
export function rateOf({ op, rawBytes, sizeBytes, ms }: PhaseFacts): string | undefined {
  const transferredBytes = rawBytes ?? sizeBytes ?? 0;
  return op === 'lookup' || transferredBytes === 0 ? undefined : formatRate(transferredBytes, ms);
}
