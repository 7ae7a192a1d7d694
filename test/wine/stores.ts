import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe } from 'vitest';
import type { BucketAccess } from '../support/gateway/gateway.ts';
import { gateway, newBucket, sharedGatewayNeed } from '../support/gateway/shared-gateway.ts';
import { requires } from '../support/platform-needs.ts';

/** A store of caches, as the inputs of a step name it. */
export interface Store {
  readonly name: 'directory store' | 'gateway';
  /** Returns the inputs of a store that no other test uses. */
  open(): Promise<StoreInputs>;
}

export interface StoreInputs {
  readonly endpoint: string;
  readonly bucket?: string;
  readonly accessKey?: string;
  readonly secretKey?: string;
}

/** The directory that Linux and Windows share: D:\ of the machine. */
export const drive = process.env.CACHE_S3_TEST_DRIVE ?? 'D:\\';

/** Returns the inputs for a directory below the shared one. */
export function directoryInputs(name: string): StoreInputs {
  return { endpoint: pathToFileURL(path.join(drive, 'stores', name)).href };
}

/** Returns the inputs for a bucket of the gateway. */
export function bucketInputs(access: BucketAccess, endpoint = gateway().endpoint): StoreInputs {
  return { endpoint, ...access };
}

const directoryStore: Store = {
  name: 'directory store',
  open: async () => directoryInputs(randomBytes(6).toString('hex')),
};

const gatewayStore: Store = {
  name: 'gateway',
  open: async () => bucketInputs(await newBucket('windows')),
};

/** Defines the same tests for both stores. */
export function describeStores(define: (store: Store) => void): void {
  describe('directory store', () => define(directoryStore));
  describeGateway(() => define(gatewayStore));
}

/** Defines tests for the gateway alone. */
export function describeGateway(define: (store: Store) => void): void {
  describe('gateway', requires(sharedGatewayNeed), () => define(gatewayStore));
}

/** Defines tests for the directory store alone. */
export function describeDirectory(define: (store: Store) => void): void {
  describe('directory store', () => define(directoryStore));
}
