import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { gateway } from '../support/gateway/shared-gateway.ts';
import { runCase } from './case.ts';
import { Lab } from './lab.ts';
import { allCases } from './suite.ts';

/** The short part of `npm run faults`: how it ends, not how long it takes. */
let lab: Lab;

beforeAll(async () => {
  lab = await Lab.open(gateway());
});
afterAll(() => lab?.close());

// most of their time they wait
describe.concurrent('faults', () => {
  test.for(allCases.filter(one => one.short))('$op: $fault', { timeout: 180_000 }, async one => {
    const { violations } = await runCase(lab, one);
    expect(violations).toEqual([]);
  });
});
