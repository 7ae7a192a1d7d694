import { type PhaseFacts, rateOf } from './closing-line.ts';
import { formatBytes, formatCount, formatDuration } from './units.ts';

/** One row of the job summary: name and value, both plain text. */
type SummaryRow = readonly [name: string, value: string];

/** Returns the job summary of one phase as rows of a table (input `summary`). */
export function summaryRows(
  facts: PhaseFacts,
  keys: { readonly primaryKey: string; readonly matchedKey: string | undefined },
): readonly SummaryRow[] {
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['Key', keys.primaryKey],
    ['Matched key', keys.matchedKey],
    ['Result', facts.result],
    ['Source', facts.source],
    ['Entries', facts.entries === undefined ? undefined : formatCount(facts.entries)],
    ['Files', facts.rawBytes === undefined ? undefined : formatBytes(facts.rawBytes)],
    ['Stored', facts.sizeBytes === undefined ? undefined : formatBytes(facts.sizeBytes)],
    ['Copied', facts.reusedBytes ? formatBytes(facts.reusedBytes) : undefined],
    ['From the bucket', facts.fetchedBytes === undefined ? undefined : formatBytes(facts.fetchedBytes)],
    ['From the disk cache', facts.diskBytes === undefined ? undefined : formatBytes(facts.diskBytes)],
    ['Time', formatDuration(facts.ms)],
    ['Rate', rateOf(facts)],
    ['Requests', `${facts.requests} (${facts.retries} retried)`],
  ];
  return rows.filter((row): row is SummaryRow => row[1] !== undefined);
}
