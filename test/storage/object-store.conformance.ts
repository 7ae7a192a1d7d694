import { afterAll, expect, test } from 'vitest';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { copiedRanges } from './conformance/copied-ranges.ts';
import { listing } from './conformance/listing.ts';
import { reading } from './conformance/reading.ts';
import { Subject } from './conformance/subject.ts';
import { writing } from './conformance/writing.ts';

/**
 * Tests the promises of `ObjectStore`.
 * @param open opens a new store. All of them see the same objects.
 */
export function objectStoreConformance(open: () => ObjectStore): void {
  const subject = new Subject(open);
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
