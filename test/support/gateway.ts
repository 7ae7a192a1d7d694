/** How a test reaches the run's shared RADOS Gateway, and how it gets a bucket of its own. */

import { randomBytes } from 'node:crypto';
import { attachGateway, type BucketAccess, type Gateway, makeBucket } from './gateway/gateway.ts';
import { sharedGateway } from './gateway/shared.ts';
import { type FaultProxy, startFaultProxy } from './servers/fault-proxy.ts';

export {
  type BucketAccess,
  type Gateway,
  type GatewayInfo,
  type GatewayOptions,
  GatewayUnavailableError,
  startGateway,
} from './gateway/gateway.ts';

/**
 * The gateway that all tests share: make a bucket of your own (`newBucket`), never stop or pause it. A test that
 * breaks its gateway starts one for itself with `startGateway`.
 */
export function gateway(): Omit<Gateway, 'stop'> {
  const shared = sharedGateway();
  if (!shared) throw new Error('no gateway: only *.itg.ts and *.e2e.ts tests have one');
  if ('unavailable' in shared) throw new Error(`no gateway: ${shared.unavailable}`);
  return attachGateway(shared.gateway);
}

/** Whether there is a gateway: `describe.skipIf(!gatewayAvailable())`. *.itg.ts tests are skipped without asking. */
export function gatewayAvailable(): boolean {
  const shared = sharedGateway();
  return shared !== undefined && 'gateway' in shared;
}

/** Makes an empty bucket with a name of its own for the gateway's first user. It goes with the gateway. */
export async function newBucket(prefix = 'test'): Promise<BucketAccess> {
  const { accessKey, secretKey, ...shared } = gateway();
  const own = { bucket: `${prefix}-${randomBytes(6).toString('hex')}`, accessKey, secretKey };
  await makeBucket(shared, own);
  return own;
}

/** Starts a proxy to the shared gateway. */
export function startGatewayProxy(): Promise<FaultProxy> {
  return startFaultProxy(gateway().endpoint);
}
