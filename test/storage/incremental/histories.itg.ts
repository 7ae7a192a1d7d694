import { expect, test } from 'vitest';
import { newBucket } from '../../support/gateway/shared-gateway.ts';
import { scratch } from '../../support/scratch.ts';
import { storeFor } from '../s3/gateway-store.ts';
import { runHistory } from './history.ts';

test.each([12])(
  'three incremental saves of a randomly edited tree in a bucket restore what was saved: seed %i',
  async seed => {
    const store = storeFor(await newBucket('histories'));
    try {
      const facts = await runHistory({ seed, generations: 3, store, directory: scratch() });
      expect(facts.incremental).toBeGreaterThan(0);
    } finally {
      store.close();
    }
  },
);
