import type { FaultCase } from './case.ts';
import { bothStoresCases } from './cases/both-stores.ts';
import { endpointCases } from './cases/endpoints.ts';
import { gatewayCases } from './cases/gateway.ts';
import { jobCases } from './cases/jobs.ts';
import { objectCases } from './cases/objects.ts';
import { roleCases } from './cases/roles.ts';
import { signalCases } from './cases/signals.ts';
import { transferCases } from './cases/transfer.ts';
import { treeCases } from './cases/trees.ts';

/** Every case of the suite, in the order of the table. */
export const faultCases: readonly FaultCase[] = [
  ...transferCases,
  ...endpointCases,
  ...roleCases,
  ...gatewayCases,
  ...objectCases,
  ...treeCases,
  ...signalCases,
  ...jobCases,
  ...bothStoresCases,
];
