import { describe, expect, test } from 'vitest';
import type { PhaseFacts } from '../../src/report/closing-line.ts';
import { summaryRows } from '../../src/report/summary.ts';
import { miss, saved } from './phase-facts.ts';

describe('the job summary', () => {
  test('has a row for every known fact', () => {
    const rows = summaryRows(saved, { primaryKey: 'go-1', matchedKey: undefined });
    expect(Object.fromEntries(rows)).toEqual({
      Key: 'go-1',
      Result: 'saved',
      Source: 's3',
      Entries: '2,092',
      Files: '830.0 MB',
      Stored: '279.0 MB',
      Time: '2.00 s',
      Rate: '414.9 MB/s',
      Requests: '21 (1 retried)',
    });
    expect(summaryRows(miss, { primaryKey: 'k', matchedKey: 'm' })[1]).toEqual(['Matched key', 'm']);
  });

  test('has the bytes from the bucket and from the disk cache', () => {
    const facts = { ...saved, fetchedBytes: 300_000, diskBytes: 278_700_000 };
    expect(summaryRows(facts, { primaryKey: 'k', matchedKey: 'k' })).toEqual(
      expect.arrayContaining([
        ['From the bucket', '300.0 kB'],
        ['From the disk cache', '278.7 MB'],
      ]),
    );
  });

  test('has no rate if nothing was transferred', () => {
    const names = (facts: PhaseFacts) =>
      summaryRows(facts, { primaryKey: 'k', matchedKey: undefined }).map(([name]) => name);
    expect(names({ ...saved, rawBytes: 0 })).not.toContain('Rate');
    expect(names({ ...saved, rawBytes: 1 })).toContain('Rate');
    expect(names(miss)).not.toContain('Rate');
    expect(names({ ...saved, op: 'lookup', rawBytes: undefined })).not.toContain('Rate');
  });
});
