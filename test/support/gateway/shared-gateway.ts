/**
 * The one gateway that all tests of a run share. It is started once, by scripts/test.mjs or by vitest's global setup.
 * An environment variable gives it to tests and to the processes that they start.
 */

import { randomBytes } from 'node:crypto';
import type { Need } from '../platform-needs.ts';
import { type FaultProxy, startFaultProxy } from '../servers/fault-proxy.ts';
import {
  attachGateway,
  type BucketAccess,
  createBucket,
  type Gateway,
  type GatewayInfo,
  GatewayUnavailableError,
  startGateway,
} from './gateway.ts';

/** JSON of `SharedGateway`, for the tests' own use. */
const variable = 'CACHE_S3_TEST_GATEWAY';

type SharedGateway = { readonly gateway: GatewayInfo } | { readonly unavailable: string };

/** Starts the shared gateway, or keeps the reason why it cannot be started. With CI=true that is an error. */
export async function shareGateway(): Promise<Gateway | undefined> {
  try {
    const gateway = await startGateway();
    const { stop: _stop, admin: _admin, ...info } = gateway;
    publish({ gateway: info });
    return gateway;
  } catch (error) {
    if (!(error instanceof GatewayUnavailableError) || process.env.CI === 'true') throw error;
    publish({ unavailable: error.message });
    return undefined;
  }
}

function publish(shared: SharedGateway): void {
  process.env[variable] = JSON.stringify(shared);
}

/** Returns the result of `shareGateway`, in any process of the run. Returns undefined if it was not called. */
export function sharedGateway(): SharedGateway | undefined {
  const json = process.env[variable];
  return json ? (JSON.parse(json) as SharedGateway) : undefined;
}

/**
 * Returns the shared gateway. A test makes a bucket of its own (`newBucket`) and never stops or pauses the gateway. A test
 * that breaks its gateway starts one with `startGateway`.
 */
export function gateway(): Omit<Gateway, 'stop'> {
  const shared = sharedGateway();
  if (!shared) throw new Error('no gateway: only *.itg.ts and *.e2e.ts tests have one');
  if ('unavailable' in shared) throw new Error(`no gateway: ${shared.unavailable}`);
  return attachGateway(shared.gateway);
}

/** A gateway, which the setup of the tests starts. *.itg.ts tests are skipped without it. */
export const sharedGatewayNeed: Need = {
  get missing() {
    const shared = sharedGateway();
    if (shared === undefined) return 'no gateway was started';
    return 'unavailable' in shared ? shared.unavailable : undefined;
  },
};

/** Returns whether there is a gateway. */
export function gatewayAvailable(): boolean {
  return sharedGatewayNeed.missing === undefined;
}

/** Makes an empty bucket with a name of its own for the gateway's first user. It ends with the gateway. */
export async function newBucket(prefix = 'test'): Promise<BucketAccess> {
  const { accessKey, secretKey, ...address } = gateway();
  const access = { bucket: `${prefix}-${randomBytes(6).toString('hex')}`, accessKey, secretKey };
  await createBucket(address, access);
  return access;
}

/** Starts a proxy to the shared gateway. */
export function startGatewayProxy(): Promise<FaultProxy> {
  return startFaultProxy(gateway().endpoint);
}
