import { randomBytes } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { openStore } from '../storage/s3/support.ts';
import { type GatewayInfo, makeBucket } from '../support/gateway/gateway.ts';

/** The part of a gateway that a bucket needs. */
export type BucketServer = Pick<GatewayInfo, 'endpoint' | 'region' | 'accessKey' | 'secretKey'>;

/** A bucket of a case's own, seen directly: past the proxy that breaks the action's requests. */
export class Bucket {
  readonly name: string;
  readonly #server: BucketServer;
  readonly #client: S3Client;

  private constructor(server: BucketServer, name: string) {
    this.#server = server;
    this.name = name;
    this.#client = new S3Client({
      endpoint: server.endpoint,
      region: server.region,
      forcePathStyle: true,
      credentials: { accessKeyId: server.accessKey, secretAccessKey: server.secretKey },
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      // a gateway that is in trouble for good must not hang the suite
      requestHandler: { requestTimeout: 60_000, throwOnRequestTimeout: true },
    });
  }

  static async make(server: BucketServer): Promise<Bucket> {
    const name = `fault-${randomBytes(6).toString('hex')}`;
    await makeBucket(server, { bucket: name, accessKey: server.accessKey, secretKey: server.secretKey });
    return new Bucket(server, name);
  }

  /** Names of all visible objects. */
  async objects(): Promise<string[]> {
    const { Contents = [] } = await this.#client.send(new ListObjectsV2Command({ Bucket: this.name }));
    return Contents.map(({ Key = '' }) => Key);
  }

  /** Unfinished multipart uploads, as the names of their objects. */
  async uploads(): Promise<string[]> {
    const { Uploads = [] } = await this.#client.send(new ListMultipartUploadsCommand({ Bucket: this.name }));
    return Uploads.map(({ Key = '' }) => Key);
  }

  async put(name: string, content: Uint8Array): Promise<void> {
    await this.#client.send(new PutObjectCommand({ Bucket: this.name, Key: name, Body: content }));
  }

  async get(name: string): Promise<Buffer> {
    const { Body } = await this.#client.send(new GetObjectCommand({ Bucket: this.name, Key: name }));
    return Buffer.from((await Body?.transformToByteArray()) ?? []);
  }

  async delete(name: string): Promise<void> {
    await this.#client.send(new DeleteObjectCommand({ Bucket: this.name, Key: name }));
  }

  /** Removes an upload behind the back of the save that writes it, as a lifecycle rule would. */
  async abortAllUploads(): Promise<void> {
    const { Uploads = [] } = await this.#client.send(new ListMultipartUploadsCommand({ Bucket: this.name }));
    for (const { Key, UploadId } of Uploads) {
      await this.#client.send(new AbortMultipartUploadCommand({ Bucket: this.name, Key, UploadId }));
    }
  }

  /** The sweep that the action does after a save, with the age of 0. Resolves to how many uploads it removed. */
  async sweep(): Promise<number> {
    const { endpoint, region, accessKey, secretKey } = this.#server;
    const store = openStore({
      endpoint: new URL(endpoint),
      region,
      bucket: this.name,
      credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
    });
    try {
      return await store.abortStale('', 0);
    } finally {
      store.close();
    }
  }

  close(): void {
    this.#client.destroy();
  }
}
