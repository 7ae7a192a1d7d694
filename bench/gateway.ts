import { setTimeout as delay } from 'node:timers/promises';
import {
  CreateBucketCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  PutObjectCommand,
  paginateListObjectsV2,
  S3Client,
} from '@aws-sdk/client-s3';
import { type GatewayOptions, startGateway } from '../test/support/gateway/gateway.ts';
import { cpuSecondsOf, untilIdle } from './process/gateway-cpu.ts';
import type { Store } from './programs/environment.ts';

/** The gateway of a bench run, with what a bench needs beside measuring. Reached over 127.0.0.1, never the link. */
export class BenchGateway {
  readonly store: Store;
  /** `ceph version 16.2.15 (...)`. */
  readonly version: string;
  readonly #gateway: Awaited<ReturnType<typeof startGateway>>;
  readonly #client: S3Client;

  private constructor(gateway: Awaited<ReturnType<typeof startGateway>>, version: string) {
    const { endpoint, region, accessKey, secretKey } = gateway;
    this.#gateway = gateway;
    this.store = { endpoint, region, accessKey, secretKey };
    this.version = version;
    this.#client = new S3Client({
      endpoint,
      region,
      forcePathStyle: true,
      credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
    });
  }

  static async start(options: GatewayOptions): Promise<BenchGateway> {
    const gateway = await startGateway(options);
    return new BenchGateway(gateway, (await gateway.admin(['--version'])).trim());
  }

  async stop(): Promise<void> {
    this.#client.destroy();
    await this.#gateway.stop();
  }

  /** CPU seconds of all its daemons since their start. */
  cpuSeconds(): number {
    return cpuSecondsOf(this.#pids);
  }

  async untilIdle(): Promise<void> {
    await untilIdle(this.#pids);
  }

  /** `publicly`: anyone may read and write, so that a client without signatures can. */
  async createBucket(bucket: string, publicly = false): Promise<void> {
    const access = publicly ? ({ ACL: 'public-read-write' } as const) : {};
    await this.#client.send(new CreateBucketCommand({ Bucket: bucket, ...access }));
  }

  async objects(bucket: string): Promise<string[]> {
    const names: string[] = [];
    for await (const page of paginateListObjectsV2({ client: this.#client }, { Bucket: bucket })) {
      for (const { Key } of page.Contents ?? []) if (Key !== undefined) names.push(Key);
    }
    return names;
  }

  /** Deletes all objects but those to keep, and waits until their memory is given back. */
  async empty(bucket: string, keep: ReadonlySet<string> = new Set()): Promise<void> {
    const names = (await this.objects(bucket)).filter(name => !keep.has(name));
    if (names.length === 0) return;
    for (let index = 0; index < names.length; index += 1000) {
      const Objects = names.slice(index, index + 1000).map(Key => ({ Key }));
      await this.#client.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }));
    }
    // the gateway keeps what was deleted for GATEWAY_GC_WAIT seconds at the least
    await delay(100);
    await this.#gateway.admin(['gc', 'process', '--include-all']);
  }

  async put(bucket: string, name: string, body: Uint8Array): Promise<void> {
    await this.#client.send(new PutObjectCommand({ Bucket: bucket, Key: name, Body: body }));
  }

  async read(bucket: string, name: string): Promise<AsyncIterable<Uint8Array>> {
    const { Body } = await this.#client.send(new GetObjectCommand({ Bucket: bucket, Key: name }));
    if (Body === undefined) throw new Error(`${bucket}/${name} came without a body`);
    return Body as unknown as AsyncIterable<Uint8Array>;
  }

  get #pids(): number[] {
    return Object.values(this.#gateway.pids);
  }
}
