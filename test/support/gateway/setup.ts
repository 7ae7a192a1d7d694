/** The global setup of vitest's projects that need a gateway: starts the shared one unless the caller has. */

import type { Gateway } from './gateway.ts';
import { sharedGateway, shareGateway } from './shared-gateway.ts';

// Every project loads its own copy of this module in one process, so the count is a property of the process
const counter = process as NodeJS.Process & {
  cacheS3Gateway?: { users: number; gateway: Promise<Gateway | undefined> };
};

export async function setup(): Promise<void> {
  if (!counter.cacheS3Gateway) {
    if (sharedGateway()) return;
    counter.cacheS3Gateway = { users: 0, gateway: shareGateway() };
  }
  counter.cacheS3Gateway.users += 1;
  await counter.cacheS3Gateway.gateway;
}

export async function teardown(): Promise<void> {
  const shared = counter.cacheS3Gateway;
  if (!shared) return;
  shared.users -= 1;
  if (shared.users === 0) await (await shared.gateway)?.stop();
}
