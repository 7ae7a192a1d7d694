import { describe, expect, test } from 'vitest';
import { machineLine, type PhaseFacts, peopleLine } from '../../src/report/closing-line.ts';
import { escapeHtml, summaryRows } from '../../src/report/summary.ts';

const saved: PhaseFacts = {
  op: 'save',
  source: 's3',
  result: 'saved',
  bytes: 279_000_000,
  entries: 2092,
  rawBytes: 830_000_000,
  ms: 2000.4,
  requests: 21,
  retries: 1,
};
const miss: PhaseFacts = {
  op: 'restore',
  source: 'none',
  result: 'miss',
  bytes: undefined,
  entries: undefined,
  rawBytes: undefined,
  ms: 80,
  requests: 4,
  retries: 0,
};

describe('the line for programs', () => {
  test('has every field in a fixed order', () => {
    expect(machineLine(saved)).toBe(
      'cache-s3: op=save source=s3 result=saved bytes=279000000 ms=2000 requests=21 retries=1',
    );
  });
  test('has the bytes that an incremental save copied', () => {
    expect(machineLine({ ...saved, reusedBytes: 200_000_000 })).toBe(
      'cache-s3: op=save source=s3 result=saved bytes=279000000 ms=2000 requests=21 retries=1 reused=200000000',
    );
  });
  test('leaves out a fact that is not known', () => {
    expect(machineLine(miss)).toBe('cache-s3: op=restore source=none result=miss ms=80 requests=4 retries=0');
  });
});

describe('the line for people', () => {
  test.each([
    [saved, 'Saved 2,092 entries, 830.0 MB of files, 279.0 MB stored, in 2.00 s (414.9 MB/s)'],
    [
      { ...saved, reusedBytes: 200_000_000 },
      'Saved 2,092 entries, 830.0 MB of files, 279.0 MB stored, 200.0 MB of it copied, in 2.00 s (414.9 MB/s)',
    ],
    [
      { ...saved, entries: 1, rawBytes: 2_200_000, bytes: 1_000_000 },
      'Saved 1 entry, 2.2 MB of files, 1.0 MB stored, in 2.00 s (1.1 MB/s)',
    ],
    [
      { ...saved, op: 'restore', result: 'partial', entries: undefined, rawBytes: undefined },
      'Restored 279.0 MB stored, in 2.00 s (139.5 MB/s)',
    ],
    [{ ...miss, result: 'hit', source: 'github' }, 'Restored in 0.08 s'],
    [miss, undefined],
    [{ ...saved, op: 'lookup', result: 'hit' }, undefined],
  ] as [PhaseFacts, string | undefined][])('is right for the facts %#', (facts, line) => {
    expect(peopleLine(facts)).toBe(line);
  });
});

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

  test('has no rate if nothing was transferred', () => {
    const names = (facts: PhaseFacts) =>
      summaryRows(facts, { primaryKey: 'k', matchedKey: undefined }).map(([name]) => name);
    expect(names({ ...saved, rawBytes: 0 })).not.toContain('Rate');
    expect(names({ ...saved, rawBytes: 1 })).toContain('Rate');
    expect(names(miss)).not.toContain('Rate');
  });

  test('escapes markup in a key', () => {
    expect(escapeHtml('<b>&"\'')).toBe('&#60;b&#62;&#38;&#34;&#39;');
  });
});
