import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { gateway } from '../support/gateway/shared-gateway.ts';
import { runCase } from './case.ts';
import { FaultLab } from './lab.ts';
import { faultCases } from './suite.ts';

/** The short cases of `npm run faults`, without their time limits. */
let lab: FaultLab;

beforeAll(async () => {
  lab = await FaultLab.open(gateway());
});
afterAll(() => lab?.close());

// Most of their time is waiting
describe.concurrent('fault suite', () => {
  // `$fault` would be cut after 40 characters
  test.for(faultCases.filter(one => one.short).map(one => [one.phase, one.fault, one] as const))(
    '%s keeps its promises under a fault: %s',
    { timeout: 180_000 },
    async ([, , one]) => {
      const { violations } = await runCase(lab, one);
      expect(violations).toEqual([]);
    },
  );
});
