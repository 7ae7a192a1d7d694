import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import type { ObjectStore, Upload } from '../../../src/storage/object-store.ts';
import type { CallerOptions } from '../../../src/storage/s3/calls/caller.ts';
import { ANY_NAME } from '../../support/any-name.ts';
import type { BucketAccess } from '../../support/gateway/gateway.ts';
import { gateway, newBucket } from '../../support/gateway/shared-gateway.ts';
import { type FaultProxy, startFaultProxy } from '../../support/servers/fault-proxy.ts';
import { MiB } from '../../support/sizes.ts';
import { storeFor } from './gateway-store.ts';
import { shortLimits } from './support.ts';

/** Of the bucket's `object`, and of what `begin` uploads. */
export const content = randomBytes(12 * MiB);

/** A real gateway may have other work for a second: what a fault has to outlast is longer than that. */
const timeLimits = {
  ...shortLimits,
  connectMs: 2000,
  firstByteMs: 2000,
  firstResponseMs: 6000,
  idleTimeoutMs: 2000,
  stalledMs: 20_000,
  serverWorkMs: 5000,
};

/** A bucket on a real gateway that holds one object, and a way to it that makes faults, new for each test. */
class FaultyBucket {
  #bucket: BucketAccess | undefined;
  #proxy: FaultProxy | undefined;
  readonly #stores: ObjectStore[] = [];

  get bucket(): BucketAccess {
    return this.#bucket!;
  }

  /** Makes no fault before it is given a rule. */
  get proxy(): FaultProxy {
    return this.#proxy!;
  }

  /** Requests that came through the proxy, in order. */
  operations(): string[] {
    return this.proxy.requests.map(({ operation }) => operation);
  }

  /** A store behind the proxy. */
  proxied(attempts = 5, options: Partial<CallerOptions> = {}): ObjectStore {
    const endpoint = new URL(this.proxy.endpoint);
    return this.#kept(storeFor(this.bucket, { endpoint, attempts }, { timeLimits, ...options }));
  }

  /** A store that nothing disturbs. */
  direct(): ObjectStore {
    return this.#kept(storeFor(this.bucket));
  }

  async begin(store: ObjectStore, name: string, onlyIfAbsent = true): Promise<Upload> {
    const upload = store.createUpload(name, { partSizeBytes: 5 * MiB, onlyIfAbsent });
    await upload.write(Uint8Array.from(content));
    return upload;
  }

  /** Whether that upload is an object now. */
  async stored(name: string): Promise<boolean> {
    const answer = await this.direct().getRange(name, { start: 0, end: content.length + 1 });
    return answer !== undefined && Buffer.compare(answer.bytes, content) === 0;
  }

  async make(name: string): Promise<void> {
    this.#bucket = await newBucket(name);
    const upload = await this.begin(this.direct(), 'object');
    await upload.complete();
  }

  async open(): Promise<void> {
    this.#proxy = await startFaultProxy(gateway().endpoint);
  }

  async close(): Promise<void> {
    await this.#proxy?.close();
    for (const store of this.#stores.splice(0)) store.close();
  }

  #kept(store: ObjectStore): ObjectStore {
    this.#stores.push(store);
    return store;
  }
}

/** Call it once, at the top of a test file. In the end no upload may be left. */
export function faultyBucket(name: string): FaultyBucket {
  const faulty = new FaultyBucket();
  beforeAll(() => faulty.make(name));
  beforeEach(() => faulty.open());
  afterEach(() => faulty.close());
  afterAll(async () => {
    expect(await faulty.direct().abortStale('', 0, ANY_NAME)).toBe(0);
    await faulty.close();
  });
  return faulty;
}
