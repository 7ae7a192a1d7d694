import { describe, expect, test } from 'vitest';
import { machineLine, type PhaseFacts, peopleLine } from '../../src/report/closing-line.ts';
import { miss, saved } from './phase-facts.ts';

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
  test('has the bytes of a restore from the bucket and from the disk cache, also if one is 0', () => {
    const facts = { ...saved, op: 'restore', result: 'hit', fetchedBytes: 262_144, diskBytes: 0 } as const;
    expect(machineLine(facts)).toMatch(/ retries=1 bucket=262144 disk=0$/);
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
      { ...saved, entries: 1, rawBytes: 2_200_000, sizeBytes: 1_000_000 },
      'Saved 1 entry, 2.2 MB of files, 1.0 MB stored, in 2.00 s (1.1 MB/s)',
    ],
    [
      { ...saved, op: 'restore', result: 'partial', entries: undefined, rawBytes: undefined },
      'Restored 279.0 MB stored, in 2.00 s (139.5 MB/s)',
    ],
    [
      { ...saved, op: 'restore', result: 'hit', fetchedBytes: 300_000, diskBytes: 278_700_000 },
      'Restored 2,092 entries, 830.0 MB of files, 279.0 MB stored, 300.0 kB from the bucket, 278.7 MB from the disk cache, in 2.00 s (414.9 MB/s)',
    ],
    [
      { ...saved, op: 'restore', result: 'hit', rawBytes: 0 },
      'Restored 2,092 entries, 0 B of files, 279.0 MB stored, in 2.00 s',
    ],
    [{ ...miss, result: 'hit', source: 'github' }, 'Restored in 0.08 s'],
    [miss, undefined],
    [{ ...saved, op: 'lookup', result: 'hit' }, undefined],
  ] as [PhaseFacts, string | undefined][])('is right for the facts %#', (facts, line) => {
    expect(peopleLine(facts)).toBe(line);
  });
});
