import { setTimeout as delay } from 'node:timers/promises';
import { Bucket } from '../test/support/gateway/bucket.ts';
import { configureGateway } from '../test/support/gateway/daemons.ts';
import {
  attachGateway,
  type Gateway,
  type GatewayOptions,
  readGateway,
  startGateway,
} from '../test/support/gateway/gateway.ts';
import { cpuSecondsOf, untilIdle } from './process/gateway-cpu.ts';
import type { Store } from './programs/environment.ts';

/** The gateway of a bench run. The bench's own requests go over 127.0.0.1, not over the link. */
export class BenchGateway {
  readonly store: Store;
  /** `ceph version 16.2.15 (...)`. */
  readonly version: string;
  /** The gateway's own directory, by whose path another process attaches to it. */
  readonly directory: string;
  readonly #gateway: Gateway;
  readonly #buckets = new Map<string, Bucket>();

  private constructor(gateway: Gateway, version: string) {
    const { endpoint, region, accessKey, secretKey, directory } = gateway;
    this.#gateway = gateway;
    this.directory = directory;
    this.store = { endpoint, region, accessKey, secretKey };
    this.version = version;
  }

  static async start(options: GatewayOptions): Promise<BenchGateway> {
    const gateway = await startGateway(options);
    return new BenchGateway(gateway, (await gateway.admin(['--version'])).trim());
  }

  /** Uses the gateway that another process has started. */
  static async attach(directory: string): Promise<BenchGateway> {
    const gateway = { ...attachGateway(await readGateway(directory)), stop: async () => {} };
    return new BenchGateway(gateway, (await gateway.admin(['--version'])).trim());
  }

  async stop(): Promise<void> {
    for (const bucket of this.#buckets.values()) bucket.close();
    await this.#gateway.stop();
  }

  /** Returns the CPU seconds of all its daemons since their start. */
  cpuSeconds(): number {
    return cpuSecondsOf(this.#pids);
  }

  /** Makes it answer 503 to requests that come while `limit` others are in work; 1024, its default, is no limit here. */
  async limitRequests(limit = 1024): Promise<void> {
    await configureGateway(this.#gateway, 'rgw_max_concurrent_requests', String(limit));
  }

  async untilIdle(): Promise<void> {
    await untilIdle(this.#pids);
  }

  /** Returns the bucket with this name, which need not exist. */
  bucket(name: string): Bucket {
    const { accessKey, secretKey } = this.#gateway;
    const bucket =
      this.#buckets.get(name) ?? new Bucket(this.#gateway, { bucket: name, accessKey, secretKey });
    this.#buckets.set(name, bucket);
    return bucket;
  }

  /** Deletes all objects of a bucket but those to keep, and waits until the gateway has freed their memory. */
  async empty(bucket: string, keep: ReadonlySet<string> = new Set()): Promise<void> {
    const names = (await this.bucket(bucket).objects()).filter(name => !keep.has(name));
    if (names.length === 0) return;
    await this.bucket(bucket).delete(names);
    // The gateway keeps deleted objects for GATEWAY_GC_WAIT seconds or more
    await delay(100);
    await this.#gateway.admin(['gc', 'process', '--include-all']);
  }

  get #pids(): number[] {
    return Object.values(this.#gateway.pids);
  }
}
