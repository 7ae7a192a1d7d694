import { afterAll, expect, test } from 'vitest';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { copiedRanges } from './conformance/copied-ranges.ts';
import { listing } from './conformance/listing.ts';
import { reading } from './conformance/reading.ts';
import { Subject, type Traits } from './conformance/subject.ts';
import { writing } from './conformance/writing.ts';

/**
 * Tests the promises of `ObjectStore`.
 * @param open opens a new store. All of them see the same objects.
 * @param traits of the server, which some promises depend on.
 */
export function objectStoreConformance(open: () => ObjectStore, traits: Partial<Traits> = {}): void {
  const subject = new Subject(open, traits);
  afterAll(() => subject.close());

  reading(subject);
  writing(subject);
  copiedRanges(subject);
  listing(subject);

  test('the store counts its requests', async () => {
    const before = subject.store.counters.requests;
    await subject.store.head('counted');
    expect(subject.store.counters.requests).toBeGreaterThan(before);
  });
}
